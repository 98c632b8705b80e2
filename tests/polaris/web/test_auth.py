"""Signing in and out, and every way it is refused."""

from __future__ import annotations

import time

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.models import AuditEntry, SignIn
from polaris.web.auth import is_safe
from tests.support import forms
from tests.support.cast import Cast

DOES_NOT_FIT = "do not fit together"


@pytest.mark.both_databases
def test_sign_in_with_any_spelling(client: FlaskClient, cast: Cast) -> None:
    answer = forms.try_sign_in(client, "  Ada@Example.COM ", cast.ada.password)

    assert (answer.status_code, answer.location) == (302, "/")
    assert cast.ada.email in client.get("/account").text
    device = SignIn.get()
    assert len(device.id) == 43
    assert AuditEntry.get(AuditEntry.action == "device.signed_in").actor == cast.ada.email


def test_wrong_password_and_unknown_address_alike(client: FlaskClient, cast: Cast) -> None:
    wrong = forms.try_sign_in(client, cast.ada.email, "not her password")
    unknown = forms.try_sign_in(client, "eve@example.com", "not her password")

    assert wrong.status_code == unknown.status_code == 422
    assert DOES_NOT_FIT in wrong.text
    words = [forms.without_token(answer.text) for answer in (wrong, unknown)]
    assert words[0].replace(cast.ada.email, "") == words[1].replace("eve@example.com", "")
    assert not SignIn.select().exists()


def test_unknown_address_takes_as_long(client: FlaskClient, cast: Cast) -> None:
    def least_work(email: str) -> float:
        """Of the processor's: what else the machine does meanwhile is not in it."""
        times = []
        for _ in range(4):
            began = time.process_time()
            forms.try_sign_in(client, email, "not her password")
            times.append(time.process_time() - began)
        return min(times)

    assert least_work("eve@example.com") > 0.5 * least_work(cast.ada.email)


@pytest.mark.parametrize(
    ("email", "password"),
    [("", ""), ("ada@example.com", ""), ("", "x"), ("a\0b", "c\0d"), ("'; --", "🚗" * 999), ("é" * 320, "x" * 1001)],
)
def test_any_input_refused_in_words(client: FlaskClient, cast: Cast, email: str, password: str) -> None:
    answer = forms.try_sign_in(client, email, password)

    assert answer.status_code == 422
    assert "Sign in" in answer.text


@pytest.mark.parametrize("status", ["stopped", "suspended"])
def test_inactive_account_signs_in(app: Flask, client: FlaskClient, cast: Cast, status: str) -> None:
    app.test_cli_runner().invoke(args=["account", "status", cast.ada.email, status])

    forms.sign_in(client, cast.ada)

    assert client.get("/sessions").status_code == 200
    assert f'data-status="{status}"' in client.get("/account").text


def test_sign_in_leads_to_requested_page(client: FlaskClient, cast: Cast) -> None:
    asked = client.get("/account?from=mail")
    assert asked.location == "/sign-in?next=/account?from%3Dmail"

    page = client.get(asked.location).text
    assert 'value="/account?from=mail"' in page
    answer = forms.try_sign_in(client, cast.ada.email, cast.ada.password, next="/account?from=mail")
    assert answer.location == "/account?from=mail"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "evil",
        "",
    ],
)
def test_sign_in_never_leaves_the_site(client: FlaskClient, cast: Cast, target: str) -> None:
    assert not is_safe(target)

    answer = forms.try_sign_in(client, cast.ada.email, cast.ada.password, next=target)

    assert answer.location == "/"


def test_signed_in_visitor_redirected(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)

    assert client.get("/sign-in").location == "/"
    assert client.get("/sign-in?next=/account").location == "/account"
    assert client.get("/").status_code == 200


def test_operator_lands_on_fleet(client: FlaskClient, cast: Cast) -> None:
    assert client.get("/").location == "/sign-in"
    assert forms.try_sign_in(client, cast.olga.email, cast.olga.password).location == "/fleet"

    assert client.get("/").location == client.get("/sign-in").location == "/fleet"


def test_sign_in_changes_cookie_and_token(client: FlaskClient, cast: Cast) -> None:
    planted = forms.token(client, "/sign-in")
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    before = client.get_cookie("polaris")

    forms.sign_in(client, cast.ada)

    after = client.get_cookie("polaris")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    with client.session_transaction() as session:
        assert "planted" not in session
    assert forms.token(client, "/account") != planted


def test_cookie_from_before_sign_in(app: Flask, client: FlaskClient, cast: Cast) -> None:
    client.get("/sign-in")
    before = client.get_cookie("polaris")
    forms.sign_in(client, cast.ada)

    other = app.test_client()
    assert before is not None
    other.set_cookie("polaris", before.value)

    assert other.get("/account").status_code == 302


def test_cookie_from_before_sign_out(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    stolen = client.get_cookie("polaris")

    answer = forms.post(client, "/sign-out", page="/account")

    assert answer.location == "/sign-in"
    assert client.get("/account").location == "/sign-in?next=/account"
    other = app.test_client()
    assert stolen is not None
    other.set_cookie("polaris", stolen.value)
    assert other.get("/account").status_code == 302
    assert AuditEntry.get(AuditEntry.action == "device.signed_out").actor == cast.ada.email


def test_forged_cookie(client: FlaskClient, cast: Cast) -> None:
    client.set_cookie("polaris", "eyJfdXNlcl9pZCI6IjEifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")

    assert client.get("/account").status_code == 302


@pytest.mark.parametrize("token", [None, "", "forged"])
def test_sign_out_needs_token(client: FlaskClient, cast: Cast, token: str | None) -> None:
    forms.sign_in(client, cast.ada)

    answer = client.post("/sign-out", data={} if token is None else {"csrf_token": token})

    assert answer.status_code == 400
    assert "Please try again" in answer.text
    assert client.get("/account").status_code == 200


def test_token_of_another_browser(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    bens = app.test_client()
    forms.sign_in(bens, cast.ben)

    answer = client.post("/sign-out", data={"csrf_token": forms.token(bens, "/account")})

    assert answer.status_code == 400


def test_sign_out_by_link_impossible(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)

    assert client.get("/sign-out").status_code == 405
    assert client.get("/account").status_code == 200


def test_expired_sign_in_form_renewed(client: FlaskClient, cast: Cast) -> None:
    fields = {"email": cast.ada.email, "password": cast.ada.password, "next": "/account"}
    answer = client.post("/sign-in", data={"csrf_token": "old", **fields})

    assert answer.status_code == 400
    assert "open for too long" in answer.text
    assert cast.ada.email in answer.text
    assert cast.ada.password not in answer.text
    fresh = forms.TOKEN.search(answer.text)
    assert fresh is not None
    assert client.post("/sign-in", data={"csrf_token": fresh[1], **fields}).location == "/account"


def test_htmx_redirected_to_sign_in(client: FlaskClient, cast: Cast) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://polaris.example/sessions/7?readings=all"}
    answer = client.get("/account", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/sessions/7?readings%3Dall"
    assert answer.text == ""


def test_form_of_signed_out_device(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    token = forms.token(client, "/account")
    SignIn.update(revoked_at=SignIn.get().created_at).execute()

    answer = client.post("/devices", data={"csrf_token": token}, headers={"Referer": "http://localhost/account"})

    assert answer.location == "/sign-in?next=/account"
