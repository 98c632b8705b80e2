"""The page of notifications: nothing is told until it is chosen, and a press in a mail ends it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import retention, unsubscribing
from polaris.administration import own_passwords
from polaris.config import Config
from polaris.models import AuditEntry, NoticeChoice, PushSubscription, blocking, run_blocking
from polaris.pubsub import Publisher
from tests.support import forms, push_service
from tests.support.cast import Cast, everybody, now
from tests.support.certificates import Authority

pytestmark = pytest.mark.both_databases

PATH = "/account/notifications"
SITE = {"SMTP_URL": "smtp+plain://127.0.0.1:1", "MAIL_FROM": "charging@example.com", "SITE_URL": "http://localhost"}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SITE)


@pytest.fixture
def people(app: Flask, config: Config) -> Cast:
    return everybody(config)


@pytest.fixture
def ada(client: FlaskClient, people: Cast) -> FlaskClient:
    forms.sign_in(client, people.ada)
    return client


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a browser says."""
    authority = Authority(Path(tmp_path_factory.mktemp("push") / "authority"))
    with push_service.running(authority) as service:
        found = service.browser().device
    return {"endpoint": "https://push.example/abc", "p256dh": found.p256dh, "auth": found.auth}


@blocking
def choices() -> list[tuple[str, str, str]]:
    rows = NoticeChoice.select().order_by(NoticeChoice.id)
    return [(row.occasion, row.channel, row.language) for row in rows]


@blocking
def devices() -> list[Any]:
    return [(row.account_id, row.sign_in_id) for row in PushSubscription.select()]


def choose(client: FlaskClient, *names: str, **headers: str) -> None:
    form = {"csrf_token": forms.token(client, PATH), "choice": list(names)}
    assert client.post(PATH, data=form, headers=headers).status_code == 303


def link_of(config: Config, account_id: int) -> str:
    return f"{unsubscribing.PATH}{unsubscribing.token(config.secret_key, account_id)}"


def test_off_until_chosen(ada: FlaskClient, people: Cast) -> None:
    assert f'href="{PATH}"' in ada.get("/account").text
    page = ada.get(PATH).text
    assert "checked" not in page
    assert people.ada.email in page
    choose(ada, "ended-mail", "offline-push", "nonsense", "ended-fax", **{"Accept-Language": "de"})
    assert choices() == [("ended", "mail", "de"), ("offline", "push", "de")]
    assert ada.get(PATH).text.count(" checked") == 2
    choose(ada)
    assert choices() == []
    row = AuditEntry.select().where(AuditEntry.action == "notices.chosen").order_by(AuditEntry.id).first()
    assert (row.target, row.detail) == (people.ada.email, "ended by mail, offline by push")


def test_only_what_the_installation_has_is_offered(make_app: Callable[..., Flask], config: Config) -> None:
    client = make_app().test_client()
    forms.sign_in(client, everybody(config).ada)
    page = client.get(PATH).text
    assert "Nothing can be sent here" in page
    form = {"csrf_token": forms.token(client, "/account"), "choice": "ended-mail"}
    client.post(PATH, data=form)
    assert choices() == []
    assert client.post(f"{PATH}/device", data=form).status_code == 404


def test_refused_without_a_sign_in(client: FlaskClient, people: Cast, device: dict[str, str]) -> None:
    form = {"csrf_token": forms.token(client, "/sign-in"), "choice": "ended-mail", **device}
    assert client.get(PATH).headers["Location"] == f"/sign-in?next={PATH}"
    for path in (PATH, f"{PATH}/device", f"{PATH}/device/removal"):
        assert client.post(path, data=form).status_code == 302
    assert (choices(), devices()) == ([], [])


def test_device_is_switched_on_and_off(ada: FlaskClient, people: Cast, device: dict[str, str]) -> None:
    forms.post(ada, f"{PATH}/device", page=PATH, **device)
    assert [account for account, _ in devices()] == [people.ada.id]
    page = ada.get(PATH).text
    assert "It is told, as long as you are signed in on it." in page
    assert device["endpoint"] not in page
    forms.post(ada, f"{PATH}/device/removal", page=PATH)
    assert devices() == []


def test_browser_is_one_persons_at_a_time(app: Flask, ada: FlaskClient, people: Cast, device: dict[str, str]) -> None:
    forms.post(ada, f"{PATH}/device", page=PATH, **device)
    ben = app.test_client()
    forms.sign_in(ben, people.ben)
    forms.post(ben, f"{PATH}/device", page=PATH, **device)
    assert [account for account, _ in devices()] == [people.ben.id]
    forms.post(ada, f"{PATH}/device/removal", page=PATH)
    assert len(devices()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", ""), ("endpoint", "http://push.example/abc"), ("endpoint", "https:///abc"),
        ("endpoint", "https://u:p@push.example/"), ("endpoint", "https://push.example/" + "x" * 1000),
        ("endpoint", "https://push.example/a b"), ("endpoint", "https://push.example/\r\nHost: x"),
        ("endpoint", "https://[::ffff:127.0.0.1]:9444/x"), ("endpoint", "https://[2606:4700::1]/x"),
        ("endpoint", "https://[::1"), ("endpoint", "https://push.example:99999/"), ("endpoint", "file:///etc/passwd"),
        ("p256dh", ""), ("p256dh", "AAAA"), ("p256dh", "B" + "A" * 86), ("p256dh", "é"), ("auth", ""), ("auth", "AAAA"),
        ("auth", "A" * 5000),
    ],
)  # fmt: skip
def test_what_no_browser_says(ada: FlaskClient, device: dict[str, str], name: str, value: str) -> None:
    answer = forms.post(ada, f"{PATH}/device", page=PATH, **(device | {name: value}))
    assert answer.status_code == 303
    assert "This browser cannot be reached by its push service." in ada.get(PATH).text
    assert devices() == []


def test_device_goes_with_its_sign_in_and_stays_with_a_new_password(
    ada: FlaskClient, people: Cast, device: dict[str, str], publisher: Publisher
) -> None:
    forms.post(ada, f"{PATH}/device", page=PATH, **device)
    ((_, before),) = devices()
    signed_in = own_passwords.change(publisher, people.ada.id, before, "kX9-vT2p-Lw4q", now=now())
    assert devices() == [(people.ada.id, signed_in.sign_in_id)]
    retention.erase(publisher, people.ada.email, actor="tests", now=now())
    assert devices() == []


def test_link_in_a_mail_asks_for_a_press(app: Flask, ada: FlaskClient, people: Cast, config: Config) -> None:
    choose(ada, "ended-mail", "offline-push")
    stranger, link = app.test_client(), link_of(config, people.ada.id)
    for _ in range(3):  # scanners open it
        assert "Send me no more" in stranger.get(link).text
    assert len(choices()) == 2
    answer = stranger.post(link, data={"List-Unsubscribe": "One-Click"})  # as a mail program does
    assert answer.status_code == 200
    assert "You get no more mails about charging" in answer.text
    assert [channel for _, channel, _ in choices()] == ["push"]
    assert "You get no more mails" in stranger.get(link).text
    assert AuditEntry.get(AuditEntry.action == "notices.unsubscribed").target == people.ada.email


def test_links_that_are_not_good(client: FlaskClient, people: Cast, config: Config, publisher: Publisher) -> None:
    link = link_of(config, people.ada.id)
    run_blocking(retention.erase, publisher, people.ada.email, actor="tests", now=now())
    other = unsubscribing.token(["o" * 32], people.ben.id)
    for path in (link, link[:-1], f"{unsubscribing.PATH}{other}", f"{unsubscribing.PATH}x"):
        for answer in (client.get(path), client.post(path)):
            assert (answer.status_code, "no longer good" in answer.text) == (404, True)


def test_own_data_has_the_choices_and_no_key(ada: FlaskClient, people: Cast, device: dict[str, str]) -> None:
    choose(ada, "ended-mail")
    forms.post(ada, f"{PATH}/device", page=PATH, **device)
    data = forms.post(ada, "/account/export", page="/account/export").data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        account = archive.read("account.json").decode()
    assert '"occasion": "ended"' in account
    assert '"push_subscription"' in account
    for secret in device.values():
        assert secret not in account
