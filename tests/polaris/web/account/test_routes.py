"""The account page: what it says, and the devices one can sign out."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from polaris.config import Config
from polaris.models import AuditEntry, SignIn
from polaris.rendering.devices import device_label
from polaris.web.account import data
from tests.support import forms
from tests.support.cast import Cast, Person
from tests.support.wait import eventually

PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
)


@pytest.fixture
def phone(app: Flask, cast: Cast) -> FlaskClient:
    """Ada's second device."""
    client = app.test_client()
    client.environ_base["HTTP_USER_AGENT"] = PHONE
    forms.sign_in(client, cast.ada)
    return client


def device(person: Person, user_agent: str) -> str:
    found = SignIn.get(SignIn.account == person.id, SignIn.user_agent == user_agent)
    sign_in_id: str = found.id
    return sign_in_id


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


@pytest.mark.both_databases
def test_account_and_devices_listed(client: FlaskClient, phone: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    page = client.get("/account").text

    assert cast.ada.email in page
    assert "Chrome on Android" in page
    assert page.count("This device") == 1
    assert 'data-status="active"' in page


def test_suspended_driver_sees_operator_contact(make_app, config: Config, cast: Cast) -> None:
    app = make_app(OPERATOR_CONTACT="Olga, +49 30 1234567")
    client = app.test_client()
    forms.sign_in(client, cast.ada)

    app.test_cli_runner().invoke(args=["account", "status", cast.ada.email, "suspended"])

    assert "Olga, +49 30 1234567" in client.get("/account").text


def test_sign_out_other_device(client: FlaskClient, phone: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)

    answer = forms.post(client, f"/devices/{device(cast.ada, PHONE)}", page="/account")

    assert answer.location == "/account"
    assert "The device is signed out." in client.get("/account").text
    assert not is_signed_in(phone)
    assert is_signed_in(client)
    row = AuditEntry.get(AuditEntry.action == "device.signed_out")
    assert (row.actor, row.detail) == (cast.ada.email, PHONE)


def test_sign_out_this_device(phone: FlaskClient, cast: Cast) -> None:
    answer = forms.post(phone, f"/devices/{device(cast.ada, PHONE)}", page="/account")

    assert answer.location == "/sign-in"
    assert not is_signed_in(phone)


@pytest.mark.both_databases
def test_sign_out_everywhere(client: FlaskClient, phone: FlaskClient, app: Flask, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    bens = app.test_client()
    forms.sign_in(bens, cast.ben)

    answer = forms.post(client, "/devices", page="/account")

    assert answer.location == "/sign-in"
    assert not is_signed_in(client)
    assert not is_signed_in(phone)
    assert is_signed_in(bens)
    assert AuditEntry.get(AuditEntry.action == "device.all_signed_out").target == cast.ada.email


def test_device_of_another_account_is_404(client: FlaskClient, phone: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ben)
    paths = [f"/devices/{device(cast.ada, PHONE)}", "/devices/none", "/devices/a%00b", f"/devices/{'x' * 3000}"]

    answers = [forms.post(client, path, page="/account") for path in paths]

    assert {answer.status_code for answer in answers} == {404}
    assert len({forms.without_token(answer.text) for answer in answers}) == 1
    assert is_signed_in(phone)


def test_signed_out_device_is_404(client: FlaskClient, phone: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    path = f"/devices/{device(cast.ada, PHONE)}"
    forms.post(client, path, page="/account")

    assert "Chrome on Android" not in client.get("/account").text
    assert forms.post(client, path, page="/account").status_code == 404


@pytest.mark.parametrize("path", ["/devices", "/devices/{}"])
def test_sign_out_needs_token(phone: FlaskClient, cast: Cast, path: str) -> None:
    answer = phone.post(path.format(device(cast.ada, PHONE)), data={"csrf_token": "forged"})

    assert answer.status_code == 400
    assert is_signed_in(phone)


def test_signed_out_visitor_sees_nothing(client: FlaskClient, cast: Cast) -> None:
    token = forms.token(client, "/sign-in")

    assert client.get("/account").location == "/sign-in?next=/account"
    assert client.post("/devices", data={"csrf_token": token}).location.startswith("/sign-in")
    assert client.post("/devices/x", data={"csrf_token": token}).location.startswith("/sign-in")


def test_sign_out_published_to_open_pages(client: FlaskClient, cast: Cast, redis_url: str) -> None:
    forms.sign_in(client, cast.ada)
    with redis.Redis.from_url(redis_url) as listener, listener.pubsub() as channel:
        channel.subscribe(f"account:{cast.ada.id}")
        eventually(channel.get_message)  # it is listened to
        forms.post(client, "/devices", page="/account")
        message = eventually(lambda: channel.get_message(ignore_subscribe_messages=True))

    assert json.loads(message["data"])["type"] == "account.changed"


@pytest.mark.both_databases
def test_last_seen_once_a_minute(phone: FlaskClient, cast: Cast) -> None:
    def seen() -> object:
        return SignIn.get_by_id(device(cast.ada, PHONE)).last_seen_at

    at_first = seen()
    phone.get("/account")
    assert seen() == at_first

    SignIn.update(last_seen_at=at_first - timedelta(hours=2)).execute()
    phone.get("/account")
    assert seen() >= at_first


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (PHONE, "Chrome on Android"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/140.0.0.0 Safari/537.36", "Chrome on Mac"),
        ("curl/8.5.0", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_device_labels(app: Flask, user_agent: str, name: str) -> None:
    with app.test_request_context():
        assert device_label(user_agent) == name


def exported(client: FlaskClient) -> dict[str, object]:
    answer = forms.post(client, "/account/export", page="/account/export")
    assert answer.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        account: dict[str, object] = json.loads(archive.read("account.json"))
    return account


@pytest.mark.both_databases
def test_own_data_downloaded(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    assert 'href="/account/export"' in client.get("/account").text
    account = exported(client)

    assert account["account"]["email"] == cast.ada.email  # type: ignore[index]
    assert cast.ben.email not in json.dumps(account)
    assert AuditEntry.get(AuditEntry.action == "account.exported").actor == cast.ada.email


def test_data_refused_without_sign_in(client: FlaskClient, cast: Cast) -> None:
    response = client.get("/account/export")

    assert (response.status_code, response.headers["Location"]) == (302, "/sign-in?next=/account/export")
    assert not AuditEntry.select().where(AuditEntry.action == "account.exported").exists()


def test_downloads_are_few(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)

    answers = [forms.post(client, "/account/export", page="/account/export").status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]


def test_one_download_at_a_time(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    with data._EXPORTING:
        busy = forms.post(client, "/account/export", page="/account/export")

    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "10")
    assert forms.post(client, "/account/export", page="/account/export").status_code == 200
