"""The fleet page's decisions: what stands out, what is found, in which order, and the figures on top."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.fleet_query import STATES, Connectivity, Order, Query
from polaris.web.fleet import row as fleet_row_
from polaris.web.fleet import view as fleet_view
from polaris.web.fleet.row import Attention, FleetRow, Running, Today
from polaris.web.fleet.view import PAGE_ROWS, FleetView

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def row(charger_id: int = 1, connector: int = 1, **values: Any) -> FleetRow:
    values = {
        "identity": f"depot-{charger_id}",
        "name": f"Depot {charger_id}",
        "is_online": True,
        "last_contact_at": NOW,
        "status": "Available",
        "faulted_at": NOW,
    } | values
    return fleet_row_.row(charger_id=charger_id, connector=connector, **values)


def running(number: int = 7, **values: Any) -> Running:
    return Running(**{"number": number, "energy_wh": 1000, "power_w": 7000, "driver": "ada@example.com"} | values)


def page(rows: list[FleetRow], **query: str) -> FleetView:
    found = Query.of(query)
    return fleet_view.select(fleet_view.ordered(rows, found.order), found)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, Attention.NONE),
        ({"status": "Faulted"}, Attention.FAULT),
        ({"status": "Faulted", "is_online": False}, Attention.FAULT),
        ({"is_online": False}, Attention.OFFLINE),
        ({"is_online": False, "session": running(is_stuck=True)}, Attention.OFFLINE),
        ({"session": running(is_stuck=True)}, Attention.STUCK),
        ({"error_code": "WeakSignal"}, Attention.NOTE),
        ({"error_code": "NoError"}, Attention.NONE),
        ({"is_online": False, "last_contact_at": None}, Attention.NOTE),
        ({"status": "Unavailable"}, Attention.NONE),
    ],
)
def test_attention(values: dict[str, Any], expected: Attention) -> None:
    assert row(**values).attention is expected


def test_attention_first_newest_on_top() -> None:
    rows = [
        row(1),
        row(2, is_online=False, last_contact_at=NOW - timedelta(hours=2)),
        row(3, status="Faulted", faulted_at=NOW - timedelta(hours=1)),
        row(4, is_online=False, last_contact_at=NOW - timedelta(minutes=2)),
        row(5, session=running(is_stuck=True)),
        row(6, status="Faulted", faulted_at=NOW),
        row(7),
    ]
    assert [found.charger_id for found in page(rows).rows] == [6, 3, 4, 2, 5, 1, 7]


def test_other_orders() -> None:
    rows = [
        row(1, session=running(power_w=None)),
        row(2, last_contact_at=NOW - timedelta(hours=1)),
        row(3, session=running(power_w=3000)),
        row(4, last_contact_at=None, is_online=False),
        row(5, session=running(power_w=9000)),
    ]
    assert [found.charger_id for found in page(rows, order="name").rows] == [1, 2, 3, 4, 5]
    assert [found.charger_id for found in page(rows, order="power").rows] == [5, 3, 1, 2, 4]
    assert [found.charger_id for found in page(rows, order="contact").rows] == [4, 2, 1, 3, 5]


def test_names_in_natural_order() -> None:
    names = ["Depot 10", "Depot 2", "depot 1", "²", "Depot", "7", "Depot 02"]
    in_order = ["7", "Depot", "depot 1", "Depot 02", "Depot 2", "Depot 10", "²"]
    assert sorted(names, key=fleet_row_.natural_key) == in_order


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {1, 2, 3, 4}),
        ({"connectivity": "online"}, {1, 2, 4}),
        ({"connectivity": "offline"}, {3}),
        ({"state": "Faulted"}, {2}),
        ({"state": "attention"}, {2, 3, 4}),
        ({"state": "session"}, {1, 4}),
        ({"state": "stuck"}, {4}),
        ({"state": "unknown"}, {3}),
        ({"state": "Charging", "connectivity": "offline"}, set()),
        ({"text": "DEPOT-2"}, {2}),
        ({"text": "ground"}, {2}),
        ({"text": "ben@"}, {4}),
        ({"text": "#12"}, {4}),
        ({"text": "depot nothing"}, set()),
        ({"text": "harbour"}, {1, 2}),
        ({"site": "Harbour"}, {1}),
        ({"site": "harbour"}, set()),
    ],
)
def test_filters(query: dict[str, str], expected: set[int]) -> None:
    rows = [
        row(1, site="Harbour", status="Charging", session=running(11)),
        row(2, name="Harbour 1", status="Faulted", error_code="GroundFailure"),
        row(3, is_online=False, status=""),
        row(4, session=running(12, driver="ben@example.com", is_stuck=True)),
    ]
    found = page(rows, **query)
    assert {shown.charger_id for shown in found.rows} == expected
    assert (found.total, found.known) == (len(expected), 4)


def test_figures_count_filtered_chargers_once() -> None:
    rows = [
        row(1, 1, session=running(power_w=7000), today=Today(500)),
        row(1, 2, session=running(power_w=3000), today=Today(250, 1)),
        row(2, 1, status="Faulted"),
        row(2, 2, status="Faulted"),
        row(3, 1, is_online=False, session=running(power_w=None, is_stuck=True), today=Today(50)),
    ]
    strip = page(rows).strip
    assert (strip.online, strip.offline, strip.faulted, strip.sessions, strip.stuck) == (2, 1, 1, 3, 1)
    assert (strip.power_w, strip.unmetered, strip.today_wh, strip.unknown_today) == (10_000, 1, 800, 1)
    strip = page(rows, text="depot-1").strip
    assert (strip.online, strip.offline, strip.faulted, strip.power_w, strip.today_wh) == (1, 0, 0, 10_000, 750)


def test_unknown_figure_is_not_zero() -> None:
    assert page([]).strip.power_w == 0
    assert page([row(session=running(power_w=None))]).strip.power_w is None
    assert page([row(session=running(power_w=0))]).strip.power_w == 0
    assert page([row(1, today=Today(10, 1)), row(2, today=None)]).strip.today_wh is None


@pytest.mark.field(114)
def test_refused_session_not_running() -> None:
    rows = [row(1, session=running(power_w=None, is_refused=True)), row(2, session=running())]
    strip = page(rows).strip
    assert (strip.sessions, strip.power_w, strip.unmetered) == (1, 7000, 0)
    assert [found.charger_id for found in page(rows, state="session").rows] == [2]


def test_pages_cut_and_clamped() -> None:
    rows = [row(number) for number in range(1, 2 * PAGE_ROWS + 2)]
    assert [len(page(rows, page=str(n)).rows) for n in (1, 2, 3, 4)] == [PAGE_ROWS, PAGE_ROWS, 1, 1]
    assert (page(rows, page="999").page, page(rows).pages) == (3, 3)
    assert (page([], page="5").page, page([]).pages) == (1, 1)


@given(
    st.dictionaries(
        st.sampled_from(["state", "connectivity", "text", "order", "page", "x", "y?", "text?"]),
        st.one_of(st.text(max_size=120), st.sampled_from([*STATES, *Order, *Connectivity, "3", "0", "-1", "９"])),
    )
)
def test_any_url_is_a_stable_query(values: dict[str, str]) -> None:
    query = Query.of(values)
    assert Query.of(query.parameters()) == query
    assert query.page >= 1
    assert page([row(1)], **values).known == 1
