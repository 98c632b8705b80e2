"""Evidence that is told in any order: facts with the same times leave the same sessions."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from polaris.domain.facts import ConnectorStatusChanged
from tests.support.ingest_cast import Cast, at, session

pytestmark = pytest.mark.both_databases


def _state(number: int) -> tuple[str, int, bool]:
    found = session(number)
    return found.state, found.energy_wh, found.is_awaiting_end


@pytest.mark.field(112, 113, 130)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_any_order_same_sessions(cast: Cast) -> None:
    facts = ("refused", "older", "available", "reading", "later")
    orders = enumerate(itertools.permutations(facts), start=1)
    outcomes = {_told(cast, connector, order) for connector, order in orders}
    assert outcomes == {(("active", 2000, False), ("estimated", 0, False), ("completed", 800, False))}


def _told(cast: Cast, connector: int, order: tuple[str, ...]) -> tuple[tuple[str, int, bool], ...]:
    """Tell what happened at a connector in this order; return how its sessions are then."""
    live = cast.start(connector=connector, id_tag="BEN-1", seconds=1000).number
    told: dict[str, Callable[[], Any]] = {
        "refused": lambda: cast.start(connector=connector, id_tag="NOBODY", seconds=1200).number,
        "older": lambda: cast.start(connector=connector, id_tag="ADA-1", seconds=10).number,
        "available": lambda: cast.store(_available(cast, connector, 1400)),
        "reading": lambda: cast.store(cast.metered(live, 1300, 2000)),
        "later": lambda: cast.store(cast.metered(live, 1500, 3000)),
    }
    numbers = {name: told[name]() for name in order}
    cast.store(cast.ended(numbers["older"], 500, 1800))
    states = tuple(_state(number) for number in (live, numbers["refused"], numbers["older"]))
    cast.store(cast.ended(live, 1600, 3000))
    return states


def _available(cast: Cast, connector: int, seconds: float) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(
        charger_id=cast.charger,
        received_at=at(seconds),
        connector=connector,
        status="Available",
        error_code="NoError",
        info="",
        at=at(seconds),
    )
