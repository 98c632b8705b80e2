"""Sign-ins end: a time after they began, and a time after their person last asked for a page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from polaris.models import SignIn
from polaris.services import NAME
from tests.support import forms
from tests.support.cast import Cast, Person, now
from tests.support.charging import Charging
from tests.support.processes import Processes

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
LIFETIMES = {"olga": (12 * HOUR, HOUR), "ada": (30 * DAY, 14 * DAY)}  # absolute, idle


def began(ago: timedelta, *, last_seen: timedelta) -> None:
    """Let the sign-in have begun, and its person have last asked for a page, some time ago."""
    SignIn.update(created_at=now() - ago, last_seen_at=now() - last_seen).execute()


@pytest.fixture(params=LIFETIMES)
def signed_in(client: FlaskClient, cast: Cast, request: pytest.FixtureRequest) -> tuple[timedelta, timedelta]:
    person: Person = getattr(cast, request.param)
    forms.sign_in(client, person)
    return LIFETIMES[request.param]


@pytest.mark.parametrize("path", ["/account", "/sessions", "/live/sessions?once"])
def test_sign_in_ends_after_its_lifetime(
    client: FlaskClient, signed_in: tuple[timedelta, timedelta], path: str
) -> None:
    absolute, _ = signed_in
    began(absolute - MINUTE, last_seen=timedelta(0))
    assert client.get(path).status_code == 200

    began(absolute, last_seen=timedelta(0))

    assert client.get(path).status_code == (401 if "live" in path else 302)


@pytest.mark.parametrize("path", ["/account", "/sessions", "/live/sessions?once"])
def test_unused_sign_in_ends(client: FlaskClient, signed_in: tuple[timedelta, timedelta], path: str) -> None:
    _, idle = signed_in
    began(idle, last_seen=idle - MINUTE)
    assert client.get(path).status_code == 200

    began(idle, last_seen=idle)

    assert client.get(path).status_code == (401 if "live" in path else 302)


def test_use_keeps_it_alive(client: FlaskClient, signed_in: tuple[timedelta, timedelta]) -> None:
    _, idle = signed_in
    began(idle, last_seen=idle - MINUTE)

    client.get("/account")

    assert now() - SignIn.get().last_seen_at < MINUTE


@pytest.mark.parametrize("path", ["/live/fleet?once", "/live/fleet", "/fleet/depot-7/settings"])
def test_open_page_does_not(app: Flask, client: FlaskClient, cast: Cast, path: str) -> None:
    """What a page that is only open sends by itself is no use: else it would never end."""
    Charging(app.extensions[NAME].ingest, cast.depot_7).connect()
    forms.sign_in(client, cast.olga)
    began(HOUR, last_seen=HOUR - MINUTE)

    with client.get(path) as answer:
        assert answer.status_code == 200

    assert now() - SignIn.get().last_seen_at > HOUR - 2 * MINUTE


def test_ended_sign_in_cannot_act(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    token = forms.token(client, "/account")
    began(31 * DAY, last_seen=timedelta(0))

    answer = client.post("/devices", data={"csrf_token": token})

    assert answer.location.startswith("/sign-in")


def test_ended_sign_in_is_not_listed(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(app.test_client(), cast.ada)
    began(31 * DAY, last_seen=timedelta(0))
    forms.sign_in(client, cast.ada)

    assert client.get("/account").text.count('class="device"') == 1


@pytest.mark.parametrize(
    "setting", ["OPERATOR_IDLE_H", "OPERATOR_SIGN_IN_H", "DRIVER_IDLE_DAYS", "DRIVER_SIGN_IN_DAYS"]
)
def test_lifetimes_are_settings(make_app: object, cast: Cast, setting: str) -> None:
    app: Flask = make_app(**{setting: "2"})  # type: ignore[operator]
    client = app.test_client()
    forms.sign_in(client, cast.olga if "OPERATOR" in setting else cast.ada)
    ago = 2 * HOUR if setting.endswith("_H") else 2 * DAY
    is_idle = "IDLE" in setting
    began(ago, last_seen=ago - MINUTE if is_idle else timedelta(0))
    assert (client.get("/account").status_code == 200) is is_idle

    began(ago, last_seen=ago if is_idle else timedelta(0))

    assert client.get("/account").status_code == 302


def test_live_page_goes_to_sign_in(processes: Processes, browser: Browser, cast: Cast) -> None:
    """It does not stand still without a word."""
    web = processes.web()
    page = browser.new_page()
    page.goto(web.url + "/fleet")
    page.get_by_label("E-mail").fill(cast.olga.email)
    page.get_by_label("Password").fill(cast.olga.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Fleet").wait_for()
    page.locator("#stream[data-status=live]").wait_for(state="attached")

    began(HOUR, last_seen=HOUR)

    page.get_by_role("button", name="Sign in").wait_for()
    assert page.url.endswith("/sign-in?next=/fleet")
    page.context.close()
