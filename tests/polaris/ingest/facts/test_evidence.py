"""Evidence that is told in any order: facts with the same times leave the same sessions."""

from __future__ import annotations

import itertools
from collections.abc import Callable

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
    outcomes = set()
    facts = ("refused", "older", "available", "reading", "later")
    for connector, order in enumerate(itertools.permutations(facts), start=1):
        live = cast.start(connector=connector, id_tag="BEN-1", seconds=1000).number
        numbers = {"live": live}

        def start(name: str, id_tag: str, seconds: float, connector: int = connector) -> Callable[[], None]:
            def tell() -> None:
                numbers[name] = cast.start(connector=connector, id_tag=id_tag, seconds=seconds).number

            return tell

        tellings = {
            "refused": start("refused", "NOBODY", 1200),
            "older": start("older", "ADA-1", 10),
            "available": lambda connector=connector: cast.store(_available(cast, connector, 1400)),
            "reading": lambda live=live: cast.store(cast.metered(live, 1300, 2000)),
            "later": lambda live=live: cast.store(cast.metered(live, 1500, 3000)),
        }
        for name in order:
            tellings[name]()
        cast.store(cast.ended(numbers["older"], 500, 1800))
        outcomes.add(tuple(_state(numbers[name]) for name in ("live", "refused", "older")))
        cast.store(cast.ended(live, 1600, 3000))
    assert outcomes == {(("active", 2000, False), ("estimated", 0, False), ("completed", 800, False))}


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
