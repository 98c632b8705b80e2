"""The page of a session's limit: set, changed, removed, refused; and what the session's page says of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import administration
from polaris.domain.enums import AccountStatus, RequestEvent
from polaris.domain.instants import to_microseconds
from polaris.domain.limit import Limit, LimitKind
from polaris.ingest import CommandResult
from polaris.models import Charger, EvCard, SessionLimit, StopRequest, Tariff
from polaris.pubsub import RequestKind
from polaris.services import NAME
from polaris.web.sessions.limit import parse, typed
from tests.support import forms
from tests.support.cast import ACTOR, Cast, Person
from tests.support.cast import now as now_
from tests.support.charging import Charging

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # 13:00 there


def until(at: datetime) -> Limit:
    return Limit(LimitKind.TIME, to_microseconds(at))


@pytest.mark.parametrize(
    ("kind", "text", "limit"),
    [
        ("energy", "20", Limit(LimitKind.ENERGY, 20_000)),
        ("energy", " 7,5 ", Limit(LimitKind.ENERGY, 7500)),
        ("energy", "0.001", Limit(LimitKind.ENERGY, 1)),
        ("money", "10.00", Limit(LimitKind.MONEY, 10_000)),
        ("money", "9,99", Limit(LimitKind.MONEY, 9990)),
        ("soc", "80", Limit(LimitKind.SOC, 80)),
        ("time", "18:30", until(datetime(2026, 11, 23, 17, 30, tzinfo=UTC))),
        ("time", "18.30", until(datetime(2026, 11, 23, 17, 30, tzinfo=UTC))),
        ("time", "1830", until(datetime(2026, 11, 23, 17, 30, tzinfo=UTC))),
        ("time", "7:05", until(datetime(2026, 11, 24, 6, 5, tzinfo=UTC))),
        ("time", "13:00", until(datetime(2026, 11, 24, 12, 0, tzinfo=UTC))),
    ],
)
def test_reads_what_is_typed(kind: str, text: str, limit: Limit) -> None:
    assert parse(kind, text, BERLIN, NOW) == limit
    assert parse(kind, typed(limit, BERLIN), BERLIN, NOW) == limit


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("energy", ""),
        ("energy", "-5"),
        ("energy", "1e9"),
        ("energy", "nan"),
        ("energy", "20 kWh"),
        ("energy", "1,000.5"),
        ("energy", "9" * 500),
        ("energy", "٢٠"),
        ("soc", "80.5"),
        ("time", "24:00"),
        ("time", "18:60"),
        ("time", "18"),
        ("", "20"),
        ("price", "20"),
    ],
)
def test_anything_else_is_no_limit(kind: str, text: str) -> None:
    assert parse(kind, text, BERLIN, NOW) is None


def test_time_at_the_change_of_the_clock() -> None:
    """At half past two on the last Sunday of March it is half past three already."""
    now = datetime(2027, 3, 28, 0, 0, tzinfo=UTC)
    limit = parse("time", "2:30", BERLIN, now)
    assert limit is not None
    assert limit.at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert limit.at - now < timedelta(days=1)


@pytest.fixture
def number(charging: Charging, cast: Cast) -> int:
    return charging.start(cast.ada.id_tag)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def post(client: FlaskClient, number: int | str, **fields: str) -> TestResponse:
    return forms.post(client, f"/sessions/{number}/limit", page="/account", **fields)


def shown(client: FlaskClient, number: int) -> str:
    return text_of(client.get(f"/sessions/{number}").text)


def test_set_changed_and_removed(client: FlaskClient, cast: Cast, charging: Charging, number: int) -> None:
    charging.meter(number, 13_300)
    forms.sign_in(client, cast.ada)
    assert "Stop by itself at …" in shown(client, number)
    answer = post(client, number, kind="energy", value="20")
    assert (answer.status_code, answer.location) == (303, f"/sessions/{number}")
    page = shown(client, number)
    for words in (
        "Stops by itself at 20 kWh",
        "12.3 of 20 kWh",
        "Polaris asks the charger to stop at 20 kWh. A little more may flow until it has stopped.",
        "Change or remove the limit",
    ):
        assert words in page
    assert 'value="20"' in client.get(f"/sessions/{number}/limit").text
    post(client, number, kind="money", value="12,50")
    assert "Stops by itself at €12.50" in shown(client, number)
    assert "€5.90 of €12.50" in shown(client, number)
    answer = forms.post(client, f"/sessions/{number}/limit/removal", page=f"/sessions/{number}/limit")
    assert answer.status_code == 303
    assert "Stops by itself" not in shown(client, number)


def test_choices_are_those_that_the_session_has(
    client: FlaskClient, cast: Cast, charging: Charging, number: int
) -> None:
    forms.sign_in(client, cast.ada)
    assert re.findall(r'<option value="(\w+)"', client.get(f"/sessions/{number}/limit").text) == [
        "energy",
        "money",
        "time",
    ]
    charging.meter(number, 2000, soc_percent=40)
    assert 'value="soc"' in client.get(f"/sessions/{number}/limit").text
    charging.end(number, 3000)
    Tariff.update(valid_from_at=now_() + timedelta(days=1)).execute()
    other = charging.start(cast.ada.id_tag)
    assert re.findall(r'<option value="(\w+)"', client.get(f"/sessions/{other}/limit").text) == ["energy", "time"]
    assert "This session has no price." in text_of(post(client, other, kind="money", value="5").text)
    assert "does not report the state of charge" in text_of(post(client, other, kind="soc", value="80").text)


@pytest.mark.parametrize(
    ("kind", "value"), [("energy", ""), ("energy", "0"), ("energy", "-1"), ("soc", "101"), ("time", "25:00"), ("", "5")]
)
def test_bad_input_is_told_kindly(client: FlaskClient, cast: Cast, number: int, kind: str, value: str) -> None:
    forms.sign_in(client, cast.ada)
    answer = post(client, number, kind=kind, value=value)
    assert answer.status_code == 422
    assert "Enter a number like 20 or 7.5, or a time like 18:30." in text_of(answer.text)
    assert not SessionLimit.select().exists()


def test_what_has_flowed_already_asks_first(client: FlaskClient, cast: Cast, charging: Charging, number: int) -> None:
    charging.meter(number, 13_300)
    forms.sign_in(client, cast.ada)
    answer = post(client, number, kind="energy", value="10")
    assert answer.status_code == 422
    assert "This session has come to that already. Stop it now?" in text_of(answer.text)
    assert not StopRequest.select().exists()
    assert post(client, number, kind="energy", value="10", agreed="yes").status_code == 303
    assert StopRequest.get().limit_id == SessionLimit.get().id


def test_others_see_nothing(client: FlaskClient, cast: Cast, number: int) -> None:
    for person in (cast.ben, cast.olga):
        forms.sign_in(client, person)
        assert client.get(f"/sessions/{number}/limit").status_code == 404
        assert post(client, number, kind="energy", value="20").status_code == 404
        assert forms.post(client, f"/sessions/{number}/limit/removal", page="/account").status_code == 404
        client.delete_cookie("polaris")
    assert not SessionLimit.select().exists()


@pytest.mark.parametrize("number_", ["0", "x", "99999", "-1", "9" * 40, "1%00"])
def test_no_such_session(client: FlaskClient, cast: Cast, number: int, number_: str) -> None:
    forms.sign_in(client, cast.ada)
    assert client.get(f"/sessions/{number_}/limit").status_code == 404
    assert post(client, number_, kind="energy", value="20").status_code == 404


def test_signed_out_is_refused(client: FlaskClient, cast: Cast, number: int) -> None:
    answer = client.get(f"/sessions/{number}/limit")
    assert (answer.status_code, "/sign-in" in (answer.location or "")) == (302, True)


@pytest.mark.parametrize("status", [AccountStatus.STOPPED, AccountStatus.SUSPENDED])
def test_inactive_account_is_refused(
    client: FlaskClient, app: Flask, cast: Cast, number: int, status: AccountStatus
) -> None:
    forms.sign_in(client, cast.ada)
    administration.set_account_status(app.extensions[NAME].publisher, cast.ada.email, status, actor=ACTOR, now=now_())
    answer = post(client, number, kind="energy", value="20")
    assert answer.status_code == 403
    assert "Your account is not active, so you cannot set a limit." in text_of(answer.text)
    assert "Stop by itself at" not in shown(client, number)


def test_operator_sees_it_and_sets_none(client: FlaskClient, cast: Cast, number: int) -> None:
    forms.sign_in(client, cast.ada)
    post(client, number, kind="energy", value="20")
    client.delete_cookie("polaris")
    forms.sign_in(client, cast.olga)
    page = shown(client, number)
    assert "Stops by itself at 20 kWh" in page
    assert "Change or remove" not in page


def test_ended_session_is_refused(client: FlaskClient, cast: Cast, charging: Charging, number: int) -> None:
    charging.end(number, 8000)
    forms.sign_in(client, cast.ada)
    answer = post(client, number, kind="energy", value="20")
    assert (answer.status_code, "The session has ended already." in text_of(answer.text)) == (409, True)


def test_stops_and_says_so(client: FlaskClient, app: Flask, cast: Cast, charging: Charging, number: int) -> None:
    forms.sign_in(client, cast.ada)
    post(client, number, kind="energy", value="12")
    charging.meter(number, 13_140)
    page = shown(client, number)
    assert "Stopping at the limit: the charger is asked as soon as it is connected." in page
    assert "The limit of 12 kWh is reached." in page
    assert post(client, number, kind="energy", value="30").status_code == 409
    request, ingest = StopRequest.get(), app.extensions[NAME].ingest
    connection_id = Charger.get_by_id(cast.depot_7.id).connection_id
    assert ingest.claim(RequestKind.STOP, request.id, cast.depot_7.id, connection_id, now_()) is not None
    assert "Stopping: sent to the charger." in shown(client, number)
    ingest.record(RequestKind.STOP, request.id, CommandResult(RequestEvent.ACCEPTED), now_())
    assert "the charger accepted, waiting for its final reading" in shown(client, number)
    charging.end(number, 13_140)
    page = shown(client, number)
    assert "Stopped at your limit: 12.14 kWh." in page
    assert "How it ended: stopped by itself at its limit." in page
    client.delete_cookie("polaris")
    forms.sign_in(client, cast.olga)
    assert "Stopped at the driver's limit: 12.14 kWh." in shown(client, number)


def test_always_with_this_card(client: FlaskClient, cast: Cast, charging: Charging, number: int) -> None:
    forms.sign_in(client, cast.ada)
    post(client, number, kind="energy", value="20", always="yes")
    assert EvCard.get(EvCard.id_tag == cast.ada.id_tag).limit_value == 20_000
    charging.end(number, 8000)
    other = charging.start(cast.ada.id_tag)
    assert "Stops by itself at 20 kWh" in shown(client, other)


def test_card_of_another_is_left_alone(client: FlaskClient, cast: Cast, number: int) -> None:
    person: Person = cast.ada
    EvCard.update(account=cast.ben.id).where(EvCard.id_tag == person.id_tag).execute()
    forms.sign_in(client, person)
    assert post(client, number, kind="energy", value="20", always="yes").status_code == 303
    assert EvCard.get(EvCard.id_tag == person.id_tag).limit_kind == ""
