"""The list of sessions: each filter finds what looking at every session would find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from polaris import models
from polaris.domain.tariff import Money
from polaris.lists import search, session_lines, session_totals, sessions, strips
from polaris.lists.session_lines import SessionLine
from polaris.lists.sessions import OwnFilter, SessionFilter, Status
from polaris.models import Account, ChargingSession, EvCard, Site
from tests.support import listed_sessions, plans
from tests.support.cast import now

pytestmark = pytest.mark.both_databases


def local_day(line: SessionLine) -> date:
    return line.started_at.astimezone(ZoneInfo(line.time_zone)).date()


DAY = date(2026, 3, 29)
IS_MATCH: dict[str, tuple[dict[str, Any], Callable[[SessionLine], bool]]] = {
    "all": ({}, lambda line: True),
    "active": ({"status": Status.ACTIVE}, lambda line: line.is_active),
    "completed": ({"status": Status.COMPLETED}, lambda line: not line.is_active),
    "from": ({"from_day": DAY}, lambda line: local_day(line) >= DAY),
    "to": ({"to_day": DAY}, lambda line: local_day(line) <= DAY),
    "day": ({"from_day": DAY, "to_day": DAY}, lambda line: local_day(line) == DAY),
    "driver": ({"driver": "ada@lists.example"}, lambda line: line.driver == "ada@lists.example"),
    "nobody": ({"driver": "nobody@lists.example"}, lambda line: False),
    "card": ({"card": "bb 22"}, lambda line: False),
    "spelled card": ({"card": " bb22 "}, lambda line: line.id_tag == "BB22"),
    "charger": ({"charger": "A-1"}, lambda line: line.charger_identity == "a-1"),
    "site": ({"site": "Tokyo"}, lambda line: line.site == "Tokyo"),
    "site's day": (
        {"site": "Tokyo", "from_day": DAY, "to_day": DAY},
        lambda line: line.site == "Tokyo" and local_day(line) == DAY,
    ),
    "in doubt": ({"in_doubt": True}, lambda line: line.is_estimated or line.notes != ()),
    "several": (
        {"status": Status.COMPLETED, "driver": "ben@lists.example", "site": "Main", "in_doubt": True},
        lambda line: (
            not line.is_active
            and line.driver == "ben@lists.example"
            and line.site == "Main"
            and (line.is_estimated or line.notes != ())
        ),
    ),
}


@pytest.fixture(autouse=True)
def lines(database: None) -> Iterator[list[SessionLine]]:
    """All sessions, the newest first."""
    listed_sessions.fill()
    with models.database.connection_context():
        newest = ChargingSession.select().order_by(ChargingSession.started_at.desc(), ChargingSession.number.desc())
        yield session_lines.of_numbers([session.number for session in newest], now())


def all_pages(wanted: SessionFilter, limit: int = 7) -> list[int]:
    numbers, after = [], None
    while True:
        found = sessions.page(wanted, limit, after)
        numbers += found.keys
        after = found.next_key
        if after is None:
            return numbers


@pytest.mark.parametrize("name", IS_MATCH)
@pytest.mark.parametrize("max_scanned", [3, 10_000])
def test_filters(lines: list[SessionLine], name: str, max_scanned: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_SCANNED", max_scanned)
    values, is_match = IS_MATCH[name]
    expected = [line.number for line in lines if is_match(line)]
    assert all_pages(SessionFilter(**values)) == expected
    if max_scanned > len(lines):
        assert sessions.count(SessionFilter(**values)) == (len(expected), False)
    assert name in ("nobody", "card") or expected


@pytest.mark.parametrize("name", IS_MATCH)
def test_own_sessions_alone(lines: list[SessionLine], name: str) -> None:
    """The same filters find a driver's own sessions, whoever else is asked for."""
    values, is_match = IS_MATCH[name]
    ada = Account.get(Account.email == "ada@lists.example")
    expected = [line.number for line in lines if is_match(line) and line.driver == ada.email]
    assert all_pages(replace(SessionFilter(**values), owner_id=ada.id)) == expected


@pytest.mark.parametrize("max_scanned", [3, 10_000])
def test_no_table_is_read_as_a_whole(
    lines: list[SessionLine], max_scanned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_SCANNED", max_scanned)
    ada, card = Account.get(Account.email == "ada@lists.example"), EvCard.get(EvCard.id_tag == "AA11")
    filters = [SessionFilter(**values) for values, _ in IS_MATCH.values()]
    filters += [replace(wanted, owner_id=ada.id) for wanted in filters]
    filters += [OwnFilter.of_owner(ada.id, {"card": str(card.id)})]
    for wanted in filters:
        with plans.executed() as statements:
            found = sessions.page(wanted, 7)
            sessions.page(wanted, 7, lines[20].number)
            sessions.count(wanted)
            strips.strip(ada.id, now())
            session_lines.of_numbers(found.keys, now())
        large = [(sql, values) for sql, values in statements if "charging_session" in sql]
        assert plans.full_scans(large) == []


def test_strip_adds_up_own_sessions(lines: list[SessionLine]) -> None:
    at = max(line.started_at for line in lines) + timedelta(hours=1)
    ada = Account.get(Account.email == "ada@lists.example")
    own = [line for line in lines if line.driver == ada.email]
    energies = [line.energy_wh for line in own if line.energy_wh is not None]
    strip = strips.strip(ada.id, at)
    assert 0 < strip.of_day < len(own)
    assert strip.of_day == sum(line.started_at > at - timedelta(days=1) for line in own)
    assert (strip.week_wh, strip.average_wh) == (sum(energies), round(sum(energies) / len(energies)))
    assert strip.active == sum(line.is_active for line in own)
    assert strips.strip(ada.id, at + timedelta(days=8)) == strips.Strip(0, 0, None, strip.active)
    assert strips.strip(ada.id + 100, at) == strips.Strip(0, 0, None, 0)


@pytest.mark.parametrize("name", IS_MATCH)
def test_totals_are_those_of_lines(lines: list[SessionLine], name: str) -> None:
    values, is_match = IS_MATCH[name]
    matching = [line for line in lines if is_match(line)]
    totals = session_totals.totals(SessionFilter(**values), now())
    assert (totals.sessions, totals.is_all) == (len(matching), True)
    assert totals.energy_wh == sum(line.energy_wh or 0 for line in matching)
    assert totals.unknown_energy == sum(line.energy_wh is None for line in matching)
    costs = [line.cost for line in matching if line.cost is not None]
    for currency in ("EUR", "JPY"):
        amounts = [cost.amount for cost in costs if cost.currency == currency]
        assert not amounts or Money(sum(amounts), currency) in totals.costs


def test_totals_of_many_are_of_the_newest(lines: list[SessionLine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_totals, "MAX_TOTALLED", 10)
    totals = session_totals.totals(SessionFilter(), now())
    assert (totals.sessions, totals.is_all) == (10, False)
    assert totals.energy_wh == sum(line.energy_wh or 0 for line in lines[:10])


def test_unknown_time_zone_is_utc(lines: list[SessionLine]) -> None:
    Site.update(time_zone="Mars/Olympus").execute()
    found = all_pages(SessionFilter(from_day=DAY, to_day=DAY))
    assert found == [line.number for line in lines if line.started_at.date() == DAY]


def test_line(lines: list[SessionLine]) -> None:
    line = next(line for line in lines if line.energy_wh == 1234 and line.site == "Main" and not line.is_active)
    assert (line.duration_s, line.cost) == (5400, Money(line.cost.amount, "EUR") if line.cost else None)
    assert str(line.cost and line.cost.amount) == "0.49"
    refused = [line for line in lines if line.energy_wh == 0 and line.id_tag == "STRANGE"]
    assert {(line.badge, line.cost, line.driver) for line in refused} == {("refused", None, "")}


def test_parameters_come_back(lines: list[SessionLine]) -> None:
    for values, _ in IS_MATCH.values():
        wanted = SessionFilter(**values)
        assert SessionFilter.of(wanted.parameters()) == replace(
            wanted, **{name: value.strip() for name, value in values.items() if name == "card"}
        )
