"""The sessions' pages by plain HTTP: what each state says, who may see and stop, and every refusal."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import administration
from polaris.domain.enums import AccountStatus
from polaris.models import StopRequest
from polaris.services import NAME
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.valkey import Valkey

HTMX = {"HX-Request": "true"}
FAILED = "Charger could not stop the session. Please try again."
UNSENT = "The stop did not reach the charger, and will not be sent later. Please try again."


@pytest.fixture
def number(charging: Charging, cast: Cast) -> int:
    return charging.start(cast.ada.id_tag)


def stop(client: FlaskClient, number: int | str, *, htmx: bool = False) -> TestResponse:
    headers = HTMX if htmx else None
    return forms.post(client, f"/sessions/{number}/stop_requests", page="/account", headers=headers)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.both_databases
def test_running_session_figures(client: FlaskClient, cast: Cast, charging: Charging, number: int) -> None:
    charging.meter(number, 13_340, power_w=10_900, soc_percent=57)
    forms.sign_in(client, cast.ada)
    page = text_of(client.get(f"/sessions/{number}").text)
    for shown in (f"Session #{number}", "In progress", "Depot 7", "12.34", "10.9", "57", "Estimated cost", "€5.92"):
        assert shown in page
    assert "Stop charging" in page
    assert "Final reading" not in page


@pytest.mark.both_databases
def test_operator_sees_whose_it_is(client: FlaskClient, cast: Cast, charging: Charging, number: int) -> None:
    forms.sign_in(client, cast.ada)
    assert "/people" not in client.get(f"/sessions/{number}").text
    client.delete_cookie("polaris")
    forms.sign_in(client, cast.olga)

    page = unescape(client.get(f"/sessions/{number}").text)

    assert f'<a href="/people?email={cast.ada.email}">' in page
    assert '<a href="/fleet/depot-7">Depot 7</a> · Main' in page
    assert f'<a href="/cards?card={cast.ada.id_tag}">' in page


def test_finished_session_tiles(client: FlaskClient, cast: Cast, charging: Charging, number: int) -> None:
    charging.meter(number, 2000)
    charging.end(number, 8000)
    forms.sign_in(client, cast.ada)
    page = text_of(client.get(f"/sessions/{number}").text)
    for shown in (
        "Completed",
        "Total kWh",
        "7.00",
        "Duration",
        "Estimated cost",
        "Average kW",
        "Unplug",
        "Final reading",
    ):
        assert shown in page
    assert "Stop charging" not in page


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("SuspendedEV", "the car is full or paused"),
        ("SuspendedEVSE", "paused by the charger"),
        ("Available", "final reading"),
    ],
)
def test_connector_state_meaning(client, cast, charging, number, status: str, words: str) -> None:
    charging.status(status)
    forms.sign_in(client, cast.ada)
    page = text_of(client.get(f"/sessions/{number}").text)
    assert words in page
    assert "In progress" in page


def test_estimate_marked_until_final(client, cast, charging, number) -> None:
    charging.meter(number, 3000)
    charging.start("BEN-1")
    forms.sign_in(client, cast.ada)
    mark = "without the charger's own figures"
    assert mark in client.get(f"/sessions/{number}").text.replace("&#39;", "'")
    charging.end(number, 3500)
    page = client.get(f"/sessions/{number}").text.replace("&#39;", "'")
    assert mark not in page
    assert "2.50" in page


def test_stop_without_javascript(client, cast, number) -> None:
    forms.sign_in(client, cast.ada)
    answer = stop(client, number)
    assert (answer.status_code, answer.location) == (303, f"/sessions/{number}")
    page = text_of(client.get(answer.location).text)
    assert FAILED in page  # nobody holds the charger in this test
    assert "offline" in page
    assert re.search(r"Stop charging in +(10|[1-9]) s", page)


def test_stop_by_htmx_returns_fragments(client, cast, number) -> None:
    forms.sign_in(client, cast.ada)
    answer = stop(client, number, htmx=True)
    assert answer.status_code == 200
    assert f'hx-target="#session-{number}-stop"' in answer.text
    assert FAILED in answer.text
    assert "csrf" not in answer.text


@pytest.mark.both_databases
def test_second_failure_brings_advice(make_app, cast, charging, number) -> None:
    client = make_app(OPERATOR_CONTACT="Olga, +49 30 1234").test_client()
    forms.sign_in(client, cast.ada)
    stop(client, number)
    first = client.get(f"/sessions/{number}").text
    StopRequest.update(decided_at=now().replace(year=2020)).execute()
    stop(client, number)
    second = client.get(f"/sessions/{number}").text
    for words in ("Stop it at the charger, with the card or its stop button", "Olga, +49 30 1234"):
        assert words not in first
        assert words in second


def test_stop_while_redis_is_down(client, cast, number, valkey: Valkey) -> None:
    forms.sign_in(client, cast.ada)
    valkey.stop()
    answer = stop(client, number, htmx=True)
    assert UNSENT in answer.text
    assert FAILED not in answer.text  # it was never asked
    assert "offline" not in text_of(answer.text)


# Refusals.


@pytest.mark.parametrize(
    "wrong", ["0", "x", "-1", "4711", "2147483648", "99999999999999999999", "1e3", "%E0%A4%A", "١"]
)
def test_unknown_session_is_404(client: FlaskClient, cast: Cast, number: int, wrong: str) -> None:
    forms.sign_in(client, cast.ada)
    for answer in (client.get(f"/sessions/{wrong}"), stop(client, wrong)):
        assert answer.status_code == 404
        assert "Session not found" in answer.text


@pytest.mark.parametrize("htmx", [False, True])
def test_session_of_another_is_404(client: FlaskClient, cast: Cast, number: int, htmx: bool) -> None:
    forms.sign_in(client, cast.ben)
    headers = HTMX if htmx else {}
    asked = [(client.get(f"/sessions/{n}", headers=headers), stop(client, n, htmx=htmx)) for n in (number, 4711)]
    for anothers, none in zip(*asked, strict=True):
        assert anothers.status_code == none.status_code == 404
        assert forms.without_token(anothers.text) == forms.without_token(none.text)
        assert dict(anothers.headers) | {"Set-Cookie": ""} == dict(none.headers) | {"Set-Cookie": ""}
    assert not StopRequest.select().exists()


def test_htmx_404_in_place(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    answer = stop(client, 4711, htmx=True)
    assert answer.text.startswith('<hx-partial hx-target="#main" hx-swap="innerHTML">')
    assert "<html" not in answer.text


@pytest.mark.parametrize("status", [AccountStatus.STOPPED, AccountStatus.SUSPENDED])
def test_inactive_account_cannot_stop(client, app, cast, number, status) -> None:
    administration.set_account_status(app.extensions[NAME].publisher, cast.ada.email, status, actor=ACTOR, now=now())
    forms.sign_in(client, cast.ada)
    page = client.get(f"/sessions/{number}").text
    assert f"Your account is {status}" in page
    assert 'aria-disabled="true"' in page
    assert 'href="/account"' in page
    assert "hx-post" not in page
    for answer in (stop(client, number), stop(client, number, htmx=True)):
        assert answer.status_code == 403
        assert f"Your account is {status}" in answer.text
    assert not StopRequest.select().exists()


def test_finished_session_cannot_stop(client, cast, charging, number) -> None:
    charging.end(number, 2000)
    forms.sign_in(client, cast.ada)
    answer = stop(client, number)
    assert answer.status_code == 409
    assert "Completed" in answer.text


@pytest.mark.parametrize("token", [None, "", "forged"])
def test_stop_without_token(client, cast, number, token) -> None:
    forms.sign_in(client, cast.ada)
    for headers in ({}, HTMX):
        data = {} if token is None else {"csrf_token": token}
        answer = client.post(f"/sessions/{number}/stop_requests", data=data, headers=headers)
        assert answer.status_code == 400
        assert "nothing was done" in answer.text
        assert f'href="/sessions/{number}"' in answer.text  # where a fresh form is
    assert not StopRequest.select().exists()


def test_signed_out_visitor_asked_to_sign_in(client: FlaskClient, cast: Cast, number: int) -> None:
    answer = client.get(f"/sessions/{number}")
    assert (answer.status_code, answer.location) == (302, f"/sign-in?next=/sessions/{number}")
    assert client.get("/sessions").status_code == 302


@pytest.mark.parametrize("path", ["/live/sessions", "/live/account", "/live/sessions/1", "/live/sessions/4711"])
def test_stream_401_without_sign_in(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.location is None


def test_stream_404_for_another(client: FlaskClient, cast: Cast, number: int) -> None:
    forms.sign_in(client, cast.ben)
    for wrong in (number, 4711, 0, 2**31, 10**30):
        for path in (f"/live/sessions/{wrong}", f"/live/sessions/{wrong}?once=1"):
            assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/live/sessions/{}", "/live/sessions", "/live/account"])
def test_stream_content_by_polling(client: FlaskClient, cast: Cast, number: int, path: str) -> None:
    path = path.format(number)
    assert client.get(f"{path}?once=1").status_code == 401
    forms.sign_in(client, cast.ada)
    answer = client.get(f"{path}?once=1")
    page = client.get(path.removeprefix("/live")).text
    assert answer.status_code == 200
    targets = re.findall(r'<hx-partial hx-target="#([^"]+)" hx-swap="outerMorph">', answer.text)
    assert targets
    for root_id in targets:
        assert f'id="{root_id}"' in page


def test_charger_html_escaped(client, cast, charging, number) -> None:
    charging.status("<script>alert(1)</script>")
    charging.end(number, 2000, reason='"><img src=x onerror=alert(1)>')
    forms.sign_in(client, cast.ada)
    page = client.get(f"/sessions/{number}").text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "&lt;img src=x" in page


@pytest.mark.both_databases
def test_all_readings_listed(client, cast, charging, number) -> None:
    for register_wh in range(1100, 4100, 100):
        charging.meter(number, register_wh)
    forms.sign_in(client, cast.ada)
    page = client.get(f"/sessions/{number}").text
    assert f'href="/sessions/{number}?readings=all#every-reading"' in page
    assert 'id="every-reading"' not in page
    whole = client.get(f"/sessions/{number}?readings=all").text
    assert whole.count('<th scope="row">') == 20 + 30


# The list.


@pytest.mark.both_databases
def test_list_paginated_newest_first(client, cast, charging) -> None:
    numbers = [charging.start(cast.ada.id_tag, connector=n) for n in range(1, 26)]
    forms.sign_in(client, cast.ada)
    first = client.get("/sessions").text
    shown = [int(n) for n in re.findall(r'id="session-(\d+)-row"', first)]
    assert shown == numbers[::-1][:20]
    older = client.get(f"/sessions?before={shown[-1]}").text
    assert [int(n) for n in re.findall(r'id="session-(\d+)-row"', older)] == numbers[::-1][20:]


@pytest.mark.both_databases
def test_drivers_see_own_operators_see_all(app: Flask, cast: Cast, number: int, charging: Charging) -> None:
    others = charging.start(cast.ben.id_tag, connector=2)
    for person, expected in ((cast.ada, [number]), (cast.ben, [others]), (cast.olga, [others, number])):
        client = app.test_client()
        forms.sign_in(client, person)
        page = client.get("/sessions").text
        assert [int(n) for n in re.findall(r'id="session-(\d+)-(?:row|line)"', page)] == expected
        assert (cast.ben.email in page) == (person is not cast.ada)


def test_empty_list(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ben)
    assert "No sessions yet." in client.get("/sessions").text
