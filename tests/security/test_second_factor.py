"""Getting around the second factor: with half a sign-in, with used, foreign and guessed proofs, unasked."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.administration.devices import MAX_DEVICES
from polaris.administration.second_factors.passkeys import RelyingParty, request_options
from polaris.models import AuditEntry, AuthenticatorApp, Passkey, RecoveryCode, SignIn
from polaris.web import half_signed_in
from polaris.web.security_events import attempts
from polaris.web.sign_in_limits import KNOWN_AND_DAY, PER_FACTOR, PER_FACTOR_AND_DAY
from tests.security.conftest import SecurityLog
from tests.support import forms
from tests.support.cast import Cast, Person
from tests.support.processes import Processes
from tests.support.second_factors import (
    PAGE,
    SECOND_STEP,
    SecurityKey,
    add_passkey,
    asked,
    codes_of,
    enter_code,
    enter_password,
    forget_codes,
    let_confirmations_expire,
    offered_app,
    set_up_app,
)

WRITES, AUDITS = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM) "), re.compile(r'INSERT INTO "audit_entry"')
OPTIONS = f"{SECOND_STEP}/options"
ALONE = "/sign-in/passkey"


def code(secret: str, *, minutes_away: int = 0) -> str:
    return pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(minutes=minutes_away))


def audited(action: str) -> int:
    count: int = AuditEntry.select().where(AuditEntry.action == action).count()
    return count


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


@pytest.fixture
def secret(app: Flask, cast: Cast) -> str:
    """The secret of Ada's authenticator app, which she has set up on another device."""
    other = app.test_client()
    forms.sign_in(other, cast.ada)
    return set_up_app(other)


@pytest.fixture
def key(app: Flask, cast: Cast) -> SecurityKey:
    """Ada's security key, which she has added on another device."""
    return key_of(app, cast.ada)


def key_of(app: Flask, person: Person) -> SecurityKey:
    key, client = SecurityKey(), app.test_client()
    forms.sign_in(client, person)
    assert len(codes_of(add_passkey(client, key))) == 10
    return key


# Half a sign-in.


@pytest.mark.parametrize("path", ["/sessions", "/account", PAGE, f"{PAGE}/app", "/confirm", "/live/account"])
def test_password_alone_opens_nothing(client: FlaskClient, cast: Cast, secret: str, path: str) -> None:
    devices = SignIn.select().count()
    enter_password(client, cast.ada)

    answer = client.get(path)

    assert answer.status_code in (302, 401)
    assert "/sign-in" in (answer.location or "/sign-in")
    assert SignIn.select().count() == devices
    assert audited("device.signed_in") == 1


@pytest.mark.parametrize(
    "path", [f"{PAGE}/app", f"{PAGE}/app/removal", f"{PAGE}/recovery-codes", "/devices", "/confirm"]
)
def test_half_signed_in_changes_nothing(client: FlaskClient, cast: Cast, secret: str, path: str) -> None:
    enter_password(client, cast.ada)

    answer = forms.post(client, path, page=SECOND_STEP, code=code(secret), password=cast.ada.password)

    assert answer.location.startswith("/sign-in?")
    assert AuthenticatorApp.select().count() == 1
    assert not is_signed_in(client)


def test_half_sign_in_expires(client: FlaskClient, cast: Cast, secret: str) -> None:
    enter_password(client, cast.ada)
    token = forms.token(client, SECOND_STEP)
    with client.session_transaction() as session:
        *who, began_at, target = session["half_signed_in"]
        session["half_signed_in"] = [*who, began_at - half_signed_in.LIFETIME.total_seconds(), target]

    answer = client.post(SECOND_STEP, data={"csrf_token": token, "code": code(secret)})

    assert answer.location == "/sign-in"
    assert not is_signed_in(client)


def test_changed_password_ends_half_sign_in(app: Flask, client: FlaskClient, cast: Cast, secret: str) -> None:
    enter_password(client, cast.ada)
    changed = ["account", "password", cast.ada.email, "--password-stdin"]
    assert app.test_cli_runner().invoke(args=changed, input="seven purple tram rails\n").exit_code == 0

    assert enter_code(client, code(secret)).status_code == 422
    assert not is_signed_in(client)


def test_second_step_needs_the_first(client: FlaskClient, cast: Cast, secret: str) -> None:
    answer = forms.post(client, SECOND_STEP, page="/sign-in", code=code(secret))

    assert answer.location == "/sign-in"
    assert not is_signed_in(client)


def test_half_sign_in_leads_to_the_requested_page(client: FlaskClient, cast: Cast, secret: str) -> None:
    forms.try_sign_in(client, cast.ada.email, cast.ada.password, next="//evil.example")

    assert enter_code(client, code(secret)).location == "/"


# Codes of the app.


@pytest.mark.both_databases
def test_code_works_once(app: Flask, client: FlaskClient, cast: Cast, secret: str) -> None:
    used = code(secret)
    enter_password(client, cast.ada)
    assert enter_code(client, used).status_code == 302

    thief = app.test_client()
    enter_password(thief, cast.ada)

    assert enter_code(thief, used).status_code == 422
    assert not is_signed_in(thief)
    assert is_signed_in(client)


def test_code_of_setup_not_taken_again(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    secret, sealed = offered_app(client)
    used = code(secret)
    forms.post(client, f"{PAGE}/app", page=f"{PAGE}/app", sealed=sealed, code=used)

    thief = app.test_client()
    enter_password(thief, cast.ada)

    assert enter_code(thief, used).status_code == 422


@pytest.mark.parametrize("minutes_away", [-2, 2])
def test_code_of_another_time(client: FlaskClient, cast: Cast, secret: str, minutes_away: int) -> None:
    enter_password(client, cast.ada)

    assert enter_code(client, code(secret, minutes_away=minutes_away)).status_code == 422
    assert not is_signed_in(client)


@pytest.mark.parametrize("typed", ["", "12345", "a" * 16, "🔑" * 16, "\0", "1" * 5000])
def test_any_code_refused_in_words(client: FlaskClient, cast: Cast, secret: str, typed: str) -> None:
    enter_password(client, cast.ada)

    answer = enter_code(client, typed)

    assert answer.status_code == 422
    assert "does not fit" in answer.text


def test_guessed_codes_limited(app: Flask, cast: Cast, secret: str) -> None:
    """From anywhere: whoever guesses codes knows the password, and may have many addresses."""
    for n in range(10):
        thief = app.test_client()
        thief.environ_base["REMOTE_ADDR"] = f"192.0.2.{n}"
        enter_password(thief, cast.ada)
        assert enter_code(thief, "000000").status_code == 422

    enter_password(thief, cast.ada)
    assert enter_code(thief, code(secret)).status_code == 429
    assert not is_signed_in(thief)


def test_owner_signs_in_while_others_guess(app: Flask, client: FlaskClient, cast: Cast, secret: str) -> None:
    """Whoever knows the password shuts a known device out neither for minutes nor for the day."""
    enter_password(client, cast.ada)
    assert enter_code(client, code(secret)).status_code == 302
    forms.post(client, "/sign-out", page="/account")
    with app.app_context():
        for allowance in (PER_FACTOR, PER_FACTOR_AND_DAY):
            attempts().add(allowance, cast.ada.email, "code", amount=allowance.attempts)
    forget_codes()

    enter_password(client, cast.ada)
    assert enter_code(client, code(secret)).status_code == 302


@pytest.mark.parametrize("typed", ["2" * 16, None])
def test_wrong_proofs_elsewhere_shut_nobody_out(
    client: FlaskClient, cast: Cast, browser_at: Callable[[str], FlaskClient], key: SecurityKey, typed: str | None
) -> None:
    """Recovery codes and passkeys cannot be guessed, so that they need not be counted for the account."""
    thief = browser_at("192.0.2.1")
    enter_password(thief, cast.ada)
    statuses = []
    for _ in range(PER_FACTOR.attempts + 1):
        asked(thief, OPTIONS, page=SECOND_STEP)
        statuses.append(enter_code(thief, typed).status_code if typed else use_passkey(thief, "{}"))
    assert statuses == [422] * PER_FACTOR.attempts + [429]

    enter_password(client, cast.ada)
    assert use_passkey(client, answer_of(client, key)) == 302


def test_codes_from_all_known_devices_limited(app: Flask, client: FlaskClient, cast: Cast, secret: str) -> None:
    """A thief who was here before there was a factor has known devices without number."""
    enter_password(client, cast.ada)
    enter_code(client, code(secret))
    forms.post(client, "/sign-out", page="/account")
    with app.app_context():
        attempts().add(KNOWN_AND_DAY, cast.ada.email, amount=KNOWN_AND_DAY.attempts)
    forget_codes()

    enter_password(client, cast.ada)
    assert enter_code(client, code(secret)).status_code == 429


@pytest.mark.parametrize("written", ["{} {}", "{}-{}", " {}{} "])
def test_code_of_setup_as_people_type_it(client: FlaskClient, cast: Cast, written: str) -> None:
    forms.sign_in(client, cast.ada)
    secret, sealed = offered_app(client)
    shown = code(secret)

    forms.post(client, f"{PAGE}/app", page=f"{PAGE}/app", sealed=sealed, code=written.format(shown[:3], shown[3:]))

    assert AuthenticatorApp.select().count() == 1


def test_wrong_code_gives_setup_no_time(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    _, sealed = offered_app(client)

    answer = forms.post(client, f"{PAGE}/app", page=f"{PAGE}/app", sealed=sealed, code="000000")

    assert answer.status_code == 422
    assert f'value="{sealed}"' in answer.text


def test_no_second_app(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    set_up_app(client)

    assert client.get(f"{PAGE}/app").location == PAGE
    assert "You have an authenticator app already." in client.get(PAGE).text
    sent = forms.post(client, f"{PAGE}/app", page="/account", sealed="", code="000000")
    assert client.get(sent.location).location == PAGE
    assert AuthenticatorApp.select().count() == 1


def test_app_sent_again_says_what_is_there(client: FlaskClient, cast: Cast) -> None:
    """As by reloading the page with the recovery codes."""
    forms.sign_in(client, cast.ada)
    secret, sealed = offered_app(client)
    sent = {"csrf_token": forms.token(client, PAGE), "sealed": sealed, "code": code(secret)}
    assert len(codes_of(client.post(f"{PAGE}/app", data=sent))) == 10

    assert client.post(f"{PAGE}/app", data=sent).location == PAGE
    assert "make new ones here" in client.get(PAGE).text


def test_key_shown_before_confirmation_expires(app: Flask, client: FlaskClient, cast: Cast) -> None:
    """Whoever was asked when the key was shown is not asked again for its code: that would throw the key away."""
    forms.sign_in(client, cast.ada)
    secret, sealed = offered_app(client)
    let_confirmations_expire()
    token = forms.token(client, PAGE)

    wrong = client.post(f"{PAGE}/app", data={"csrf_token": token, "sealed": sealed, "code": "000000"})
    assert wrong.status_code == 422
    assert f'value="{sealed}"' in wrong.text
    right = client.post(f"{PAGE}/app", data={"csrf_token": token, "sealed": sealed, "code": code(secret)})

    assert len(codes_of(right)) == 10
    forget_codes()
    enter_password(other := app.test_client(), cast.ada)
    assert enter_code(other, code(secret)).status_code == 302


def test_key_shown_on_another_device(app: Flask, client: FlaskClient, cast: Cast) -> None:
    other = app.test_client()
    forms.sign_in(other, cast.ada)
    secret, sealed = offered_app(other)
    forms.sign_in(client, cast.ada)

    answer = forms.post(client, f"{PAGE}/app", page=f"{PAGE}/app", sealed=sealed, code=code(secret))

    assert answer.location == f"{PAGE}/app?again=1"
    assert not AuthenticatorApp.select().exists()


def test_new_key_said_in_words(client: FlaskClient, cast: Cast) -> None:
    """Also to those who took so long that they are asked again who they are."""
    forms.sign_in(client, cast.ada)
    assert "This is a new key: delete the old entry in your app." in client.get(f"{PAGE}/app").text
    let_confirmations_expire()

    late = forms.post(client, f"{PAGE}/app", page=PAGE, sealed="", code="000000")
    asked_first = client.get(late.location)
    page = forms.post(client, "/confirm", page=asked_first.location, next=late.location, password=cast.ada.password)

    assert asked_first.location.startswith("/confirm?")
    assert "That took too long. This is a new key" in client.get(page.location).text


def test_guessed_codes_limited_for_the_day(app: Flask, cast: Cast, secret: str) -> None:
    """Six digits would be found within a year by ten guesses every ten minutes."""
    with app.app_context():
        for _ in range(PER_FACTOR_AND_DAY.attempts):
            attempts().add(PER_FACTOR_AND_DAY, cast.ada.email, "code")
    client = app.test_client()
    enter_password(client, cast.ada)

    assert enter_code(client, code(secret)).status_code == 429


def test_parallel_guesses_of_codes_limited(processes: Processes, app: Flask, cast: Cast, secret: str) -> None:
    web = processes.web()
    client = app.test_client()
    enter_password(client, cast.ada)
    token, cookie = forms.token(client, SECOND_STEP), client.get_cookie("polaris")
    assert cookie is not None
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"polaris={cookie.value}"}
    body = urlencode({"csrf_token": token, "code": "000000"})

    def guess(_n: int) -> int:
        with closing(HTTPConnection(urlsplit(web.url).netloc, timeout=60)) as connection:
            connection.request("POST", SECOND_STEP, body, headers)
            return connection.getresponse().status

    with ThreadPoolExecutor(30) as threads:
        answers = Counter(threads.map(guess, range(60)))

    assert 1 <= answers[422] <= PER_FACTOR.attempts
    assert answers[422] + answers[429] == 60


def test_failed_second_factor_leaves_a_trace(client: FlaskClient, cast: Cast, secret: str, events: SecurityLog) -> None:
    enter_password(client, cast.ada)
    enter_code(client, "000000")

    assert [event["kind"] for event in events() if event["event"] == "second_factor.failed"] == ["code"]
    entry = AuditEntry.get(AuditEntry.action == "second_factor.failed")
    assert (entry.actor, entry.target, entry.detail) == ("address 127.0.0.1", cast.ada.email, "code")


def test_right_codes_not_limited(app: Flask, cast: Cast, secret: str) -> None:
    for _ in range(11):
        forget_codes()
        client = app.test_client()
        enter_password(client, cast.ada)
        assert enter_code(client, code(secret)).status_code == 302


def test_app_of_another_account(app: Flask, client: FlaskClient, cast: Cast, secret: str) -> None:
    """A secret that was offered to Ben, or that a thief made, becomes nobody else's app."""
    bens = app.test_client()
    forms.sign_in(bens, cast.ben)
    forms.sign_in(client, cast.olga)
    bens_secret, bens_sealed = offered_app(bens)
    for sealed in (bens_sealed, bens_secret, "", "🔑"):
        answer = forms.post(client, f"{PAGE}/app", page=f"{PAGE}/app", sealed=sealed, code=code(bens_secret))
        assert answer.location == f"{PAGE}/app?again=1"

    assert AuthenticatorApp.select().count() == 1


def test_secret_not_in_the_database(cast: Cast, secret: str) -> None:
    stored = AuthenticatorApp.get()

    assert secret not in stored.sealed_secret


# Recovery codes.


@pytest.mark.both_databases
def test_recovery_code_works_once(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    codes = codes_of(add_passkey(client, SecurityKey()))
    assert len(set(codes)) == 10
    assert not any(used.replace("-", "") in row.code_hash for row in RecoveryCode.select() for used in codes)

    owner, thief = app.test_client(), app.test_client()
    enter_password(owner, cast.ada)
    assert enter_code(owner, codes[0].upper().replace("-", " ")).status_code == 302
    assert "9 are left" in owner.get("/account").text
    enter_password(thief, cast.ada)

    assert enter_code(thief, codes[0]).status_code == 422
    assert not is_signed_in(thief)
    assert AuditEntry.get(AuditEntry.action == "recovery_code.used").detail == "9 left"


def renewal(client: FlaskClient) -> dict[str, str]:
    """The fields of the form for new codes."""
    page = client.get(f"{PAGE}/recovery-codes").text
    return dict(re.findall(r'<input type="hidden" name="(csrf_token|replaced)" value="([^"]+)">', page))


def test_recovery_codes_shown_once(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    codes = codes_of(add_passkey(client, SecurityKey()))

    pages = [client.get(path).text for path in ("/account", PAGE, f"{PAGE}/recovery-codes")]

    assert not any(shown in page for shown in codes for page in pages)


def test_new_recovery_codes_void_the_old(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    old = codes_of(add_passkey(client, SecurityKey()))
    new = codes_of(client.post(f"{PAGE}/recovery-codes", data=renewal(client)))
    assert len(new) == 10
    assert audited("recovery_codes.renewed") == 1

    owner = app.test_client()
    enter_password(owner, cast.ada)

    assert enter_code(owner, old[0]).status_code == 422
    assert enter_code(owner, new[0]).status_code == 302


def test_renewal_sent_again_voids_nothing(app: Flask, client: FlaskClient, cast: Cast) -> None:
    """As by reloading the page with the new codes, which may have been printed already."""
    forms.sign_in(client, cast.ada)
    add_passkey(client, SecurityKey())
    path = f"{PAGE}/recovery-codes"
    sent = renewal(client)
    new = codes_of(client.post(path, data=sent))

    assert client.post(path, data=sent).location == PAGE
    assert "make new ones here" in client.get(PAGE).text
    owner = app.test_client()
    enter_password(owner, cast.ada)
    assert enter_code(owner, new[0]).status_code == 302


@pytest.mark.parametrize("path", ["recovery-codes", "app/removal"])
def test_nothing_there_to_change_said_in_words(client: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(client, cast.ada)

    assert client.get(f"{PAGE}/{path}").location == PAGE


def test_wrong_recovery_code_said_where_it_was_typed(client: FlaskClient, cast: Cast, secret: str) -> None:
    enter_password(client, cast.ada)

    answer = forms.post(client, SECOND_STEP, page=SECOND_STEP, recovery_code="abcd")

    assert answer.status_code == 422
    assert "This recovery code does not fit" in answer.text
    assert "Wait for the next one" not in answer.text
    assert '<details class="other-way" open>' in answer.text
    assert re.findall(r'id="([^"]+)"\s+aria-invalid="true"', answer.text) == ["recovery-code"]


def test_recovery_code_of_another_account(app: Flask, client: FlaskClient, cast: Cast, secret: str) -> None:
    bens = app.test_client()
    forms.sign_in(bens, cast.ben)
    bens_codes = codes_of(add_passkey(bens, SecurityKey()))

    enter_password(client, cast.ada)

    assert enter_code(client, bens_codes[0]).status_code == 422
    assert not is_signed_in(client)


# Passkeys.


def answer_of(client: FlaskClient, key: SecurityKey) -> str:
    return key.get(asked(client, OPTIONS, page=SECOND_STEP))


def use_passkey(client: FlaskClient, credential: str) -> int:
    return forms.post(client, SECOND_STEP, page=SECOND_STEP, credential=credential).status_code


@pytest.mark.both_databases
def test_passkey_answer_works_once(app: Flask, client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    """Not even with the cookie that it was made with, and not where the authenticator counts nothing."""
    enter_password(client, cast.ada)
    key.counts = False
    credential = answer_of(client, key)
    stolen = client.get_cookie("polaris")
    assert stolen is not None
    token = forms.token(client, SECOND_STEP)
    assert client.post(SECOND_STEP, data={"csrf_token": token, "credential": credential}).status_code == 302

    thief = app.test_client()
    thief.set_cookie("polaris", stolen.value)

    assert thief.post(SECOND_STEP, data={"csrf_token": token, "credential": credential}).status_code == 422
    assert not is_signed_in(thief)
    assert is_signed_in(client)


def test_passkey_answer_to_an_older_challenge(client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    enter_password(client, cast.ada)
    credential = answer_of(client, key)
    asked(client, OPTIONS, page=SECOND_STEP)

    assert use_passkey(client, credential) == 422


def test_passkey_answer_after_its_time(client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    enter_password(client, cast.ada)
    credential = answer_of(client, key)
    with client.session_transaction() as session:
        value, made_us = session["challenge"]
        session["challenge"] = [value, made_us - 7 * 60_000_000]

    assert use_passkey(client, credential) == 422


def test_passkey_sent_again_says_what_is_there(client: FlaskClient, cast: Cast) -> None:
    key = SecurityKey()
    forms.sign_in(client, cast.ada)
    credential = key.create(asked(client, f"{PAGE}/passkeys/options", page=f"{PAGE}/passkeys"))
    sent = {"csrf_token": forms.token(client, PAGE), "credential": credential, "name": "Key"}
    assert len(codes_of(client.post(f"{PAGE}/passkeys", data=sent))) == 10

    assert client.post(f"{PAGE}/passkeys", data=sent).location == PAGE
    assert "make new ones here" in client.get(PAGE).text


def test_passkey_answer_without_challenge(client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    enter_password(client, cast.ada)
    options = json.loads(request_options(RelyingParty("localhost", "http://localhost"), b"thief", [], alone=False))

    assert use_passkey(client, key.get(options)) == 422


def test_passkey_answer_from_another_site(client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    enter_password(client, cast.ada)
    key.origin = "http://localhost.evil.example"

    assert use_passkey(client, answer_of(client, key)) == 422


def test_passkey_for_another_site(client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    enter_password(client, cast.ada)
    options = asked(client, OPTIONS, page=SECOND_STEP)

    assert use_passkey(client, key.get(options | {"rpId": "evil.example"})) == 422


def test_passkey_of_another_account(app: Flask, client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    bens_key = key_of(app, cast.ben)
    enter_password(client, cast.ada)

    assert use_passkey(client, answer_of(client, bens_key)) == 422
    assert not is_signed_in(client)


def test_copied_passkey(client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    """A copy counts its uses anew."""
    Passkey.update(sign_count=5).execute()
    enter_password(client, cast.ada)

    assert use_passkey(client, answer_of(client, key)) == 422


def test_forged_signature(client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    enter_password(client, cast.ada)
    forged = json.loads(answer_of(client, key))
    own = SecurityKey()
    own.create({"rp": {"id": "localhost"}, "challenge": "AAAA"})
    options = asked(client, OPTIONS, page=SECOND_STEP)
    answer = json.loads(own.get(options)) | {"id": forged["id"], "rawId": forged["rawId"]}

    assert use_passkey(client, json.dumps(answer)) == 422


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"id": 1}',
        '{"id": "a\\u0000"}',
        "[" * 20_000,
        '{"id": "x", "rawId": "é", "type": 1}',
        "\ud800",
    ],
)
def test_any_answer_refused_in_words(client: FlaskClient, cast: Cast, key: SecurityKey, credential: str) -> None:
    enter_password(client, cast.ada)
    stored = Passkey.get().credential_id
    for text in (credential, credential.replace('"x"', f'"{stored}"')):
        asked(client, OPTIONS, page=SECOND_STEP)
        answer = forms.post(client, SECOND_STEP, page=SECOND_STEP, credential=text.encode("utf-8", "replace").decode())
        assert answer.status_code == 422
        assert "could not be checked" in answer.text


def test_passkey_alone_verifies_its_user(client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    key.verifies = False
    credential = key.get(asked(client, f"{ALONE}/options", page="/sign-in"))

    answer = forms.post(client, ALONE, page="/sign-in", credential=credential)

    assert answer.status_code == 422
    assert "with your password" in answer.text
    assert not is_signed_in(client)


def test_passkey_alone_signs_in(client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    credential = key.get(asked(client, f"{ALONE}/options", page="/sign-in"))

    answer = forms.post(client, ALONE, page="/sign-in", credential=credential, next="/account")

    assert answer.location == "/account"
    assert cast.ada.email in client.get("/account").text


def test_removed_passkey(app: Flask, client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    app.test_cli_runner().invoke(args=["account", "reset-factors", cast.ada.email])
    credential = key.get(asked(client, f"{ALONE}/options", page="/sign-in"))

    assert forms.post(client, ALONE, page="/sign-in", credential=credential).status_code == 422


@pytest.mark.parametrize("path", ["/sign-in/passkey/options", OPTIONS, "/confirm/options", f"{PAGE}/passkeys/options"])
def test_options_need_a_token(client: FlaskClient, cast: Cast, key: SecurityKey, path: str) -> None:
    enter_password(client, cast.ada)

    assert client.post(path).status_code in (302, 400)


def test_passkeys_of_a_host_that_anybody_may_name(client: FlaskClient, cast: Cast) -> None:
    """Without SITE_URL, the Host header says only what the sender likes."""
    token = forms.TOKEN.search(client.get("/sign-in", base_url="http://evil.example").text)
    assert token is not None
    headers = {"X-CSRFToken": token[1]}
    answer = client.post("/sign-in/passkey/options", base_url="http://evil.example", headers=headers)

    assert answer.status_code == 404


@pytest.mark.parametrize(("site", "rp_id"), [("https://charge.example", "charge.example"), ("http://192.0.2.1", None)])
def test_passkeys_of_the_configured_site(make_app: Callable[..., Flask], cast: Cast, site: str, rp_id: str) -> None:
    client = make_app(SITE_URL=site).test_client()
    token = forms.TOKEN.search(client.get("/sign-in", base_url=site).text)
    assert token is not None
    answer = client.post(f"{ALONE}/options", base_url=site, headers={"X-CSRFToken": token[1], "Referer": f"{site}/"})

    assert (answer.status_code, (answer.json or {}).get("rpId")) == ((200, rp_id) if rp_id else (404, None))


# Devices without a second factor.


@pytest.mark.both_databases
def test_first_factor_signs_other_devices_out(app: Flask, client: FlaskClient, cast: Cast) -> None:
    thief = app.test_client()
    forms.sign_in(thief, cast.ada)
    forms.sign_in(client, cast.ada)

    set_up_app(client)

    assert is_signed_in(client)
    assert not is_signed_in(thief)
    assert audited("authenticator_app.added") == 1


def test_removal_signs_other_devices_out(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    secret = set_up_app(client)
    other = app.test_client()
    enter_password(other, cast.ada)
    enter_code(other, code(secret))

    answer = forms.post(client, f"{PAGE}/app/removal", page=f"{PAGE}/app/removal")

    assert answer.location == PAGE
    assert is_signed_in(client)
    assert not is_signed_in(other)
    assert audited("authenticator_app.removed") == 1
    assert not RecoveryCode.select().exists()


def test_factors_of_another_account(app: Flask, client: FlaskClient, cast: Cast, key: SecurityKey) -> None:
    forms.sign_in(client, cast.ben)
    path = f"{PAGE}/passkeys/{Passkey.get().id}/removal"

    assert client.get(path).status_code == 404
    assert forms.post(client, path, page="/account").status_code == 404
    assert Passkey.select().count() == 1


# Asked again.

CHANGES = ("/account/export", f"{PAGE}/app", f"{PAGE}/app/removal", f"{PAGE}/recovery-codes", f"{PAGE}/passkeys")


@pytest.mark.parametrize("path", CHANGES)
def test_old_sign_in_changes_no_factor(client: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(client, cast.ada)
    set_up_app(client)
    let_confirmations_expire()

    page = client.get(path)
    sent = forms.post(client, path, page="/account", code="000000", sealed="", credential="")

    assert page.location == f"/confirm?next={path}"
    assert sent.location == f"{path}?again=1" if path.endswith("/app") else sent.location.startswith("/confirm?")
    assert AuthenticatorApp.select().count() == 1
    assert audited("recovery_codes.renewed") == audited("account.exported") == 0


def test_password_does_not_confirm_beside_a_factor(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    secret = set_up_app(client)
    let_confirmations_expire()

    assert forms.post(client, "/confirm", page="/confirm", password=cast.ada.password).status_code == 422
    assert client.get(f"{PAGE}/app/removal").status_code == 302
    assert forms.post(client, "/confirm", page="/confirm", code=code(secret), next=PAGE).location == PAGE
    assert client.get(f"{PAGE}/app/removal").status_code == 200


def test_password_confirms_without_a_factor(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    let_confirmations_expire()

    assert forms.post(client, "/confirm", page="/confirm", password="a wrong guess").status_code == 422
    assert client.get(f"{PAGE}/app").status_code == 302
    confirmed = forms.post(client, "/confirm", page="/confirm", password=cast.ada.password, next="//evil.example")
    assert confirmed.location == "/account"
    assert client.get(f"{PAGE}/app").status_code == 200


def test_guesses_of_confirmation_limited(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    for _ in range(10):
        assert forms.post(client, "/confirm", page="/confirm", password="a wrong guess").status_code == 422

    assert forms.post(client, "/confirm", page="/confirm", password=cast.ada.password).status_code == 429


def test_passkey_confirms_its_own_device_alone(app: Flask, client: FlaskClient, cast: Cast) -> None:
    key, other = SecurityKey(), app.test_client()
    forms.sign_in(client, cast.ada)
    add_passkey(client, key)
    enter_password(other, cast.ada)
    use_passkey(other, answer_of(other, key))
    let_confirmations_expire()

    credential = key.get(asked(client, "/confirm/options", page="/confirm"))
    assert forms.post(client, "/confirm", page="/confirm", credential=credential).status_code == 302

    assert client.get(f"{PAGE}/passkeys").status_code == 200
    assert other.get(f"{PAGE}/passkeys").status_code == 302


# Operators who must have one.


@pytest.fixture
def strict(make_app: Callable[..., Flask], cast: Cast) -> FlaskClient:
    return make_app(OPERATOR_MFA="1").test_client()


@pytest.mark.parametrize("path", ["/sessions", "/sessions/1", "/fleet", "/fleet/depot-7", "/account"])
def test_operator_without_factor_reaches_no_page(strict: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(strict, cast.olga)

    assert strict.get(path).location == PAGE
    assert strict.get(path, headers={"HX-Request": "true"}).headers["HX-Redirect"] == PAGE
    assert strict.get(PAGE).status_code == 200


@pytest.mark.parametrize("path", ["/live/fleet", "/live/sessions?once", "/live/account"])
def test_operator_without_factor_reaches_no_stream(strict: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(strict, cast.olga)

    assert strict.get(path).status_code == 401


def test_operator_without_factor_does_nothing(strict: FlaskClient, cast: Cast) -> None:
    forms.sign_in(strict, cast.olga)
    for path in ("/devices", "/sessions/1/stop_requests"):
        assert forms.post(strict, path, page=PAGE).location == PAGE

    assert is_open(strict) is False


def is_open(client: FlaskClient) -> bool:
    return client.get("/fleet").status_code == 200


def test_operator_goes_on_with_a_factor(strict: FlaskClient, cast: Cast) -> None:
    forms.sign_in(strict, cast.olga)
    set_up_app(strict)

    assert is_open(strict)
    refused = forms.post(strict, f"{PAGE}/app/removal", page=f"{PAGE}/app/removal")
    assert refused.status_code == 422
    assert "operators need one" in refused.text
    assert AuthenticatorApp.select().count() == 1
    assert is_open(strict)


def test_driver_needs_no_factor(strict: FlaskClient, cast: Cast) -> None:
    forms.sign_in(strict, cast.ada)

    assert is_signed_in(strict)


def test_setup_leads_to_no_closed_page(strict: FlaskClient, cast: Cast) -> None:
    """What leads back to the account leads here again."""
    back = {PAGE: "Back to your account", "/confirm": "Leave it as it is"}
    forms.sign_in(strict, cast.olga)
    for path, text in back.items():
        assert text not in strict.get(path).text

    set_up_app(strict)
    for path, text in back.items():
        assert text in strict.get(path).text


def test_operator_signs_out_without_factor(strict: FlaskClient, cast: Cast) -> None:
    forms.sign_in(strict, cast.olga)

    assert forms.post(strict, "/sign-out", page=PAGE).location == "/sign-in"


# What is audited.


def test_audit_rows_come_last(app: Flask, client: FlaskClient, cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    """On PostgreSQL each holds up all other writers of the log, of whom one may hold what would be written after it."""
    for _ in range(MAX_DEVICES):
        forms.sign_in(app.test_client(), cast.ada)
    with caplog.at_level(logging.DEBUG, "peewee"):
        assert not late_writes(caplog, lambda: forms.sign_in(client, cast.ada))
        secret, sealed = offered_app(client)
        fields = {"sealed": sealed, "code": code(secret)}
        assert not late_writes(caplog, lambda: forms.post(client, f"{PAGE}/app", page=f"{PAGE}/app", **fields))
        page = client.post(f"{PAGE}/recovery-codes", data=renewal(client))
        other = app.test_client()
        enter_password(other, cast.ada)
        assert not late_writes(caplog, lambda: enter_code(other, codes_of(page)[0]))
        removal = f"{PAGE}/app/removal"
        assert not late_writes(caplog, lambda: forms.post(client, removal, page=removal))
    assert audited("recovery_code.used") == audited("authenticator_app.removed") == audited("device.signed_out") == 1


def late_writes(caplog: pytest.LogCaptureFixture, change: Callable[[], object]) -> list[str]:
    """What a change writes after its first audit row, other than audit rows."""
    caplog.clear()
    change()
    statements = [str(record.msg) for record in caplog.records if record.name == "peewee"]
    (first, *_) = [at for at, text in enumerate(statements) if AUDITS.search(text)]
    return [text for text in statements[first:] if WRITES.search(text) and not AUDITS.search(text)]
