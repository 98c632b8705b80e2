"""Proof by permutation: however badly a charger tells a history, it ends in the same sessions as told in order.

Through the version's own handlers and `Ingest.store` with many examples, and through a real socket with some. A
version is added to `VERSIONS`, with how its chargers tell a history (`tests.support.histories`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ocpp_bridge.versions.base import CentralSystem
from ocpp_bridge.versions.base import Version as Spoken
from ocpp_bridge.versions.v2.handlers import V201
from ocpp_bridge.versions.v2.handlers_v21 import V21
from ocpp_bridge.versions.v16.handlers import V16
from polaris import models
from polaris.domain.enums import SessionState
from polaris.domain.price_windows import Schedule, Window, to_json
from polaris.domain.usage import borders, split
from polaris.ingest import Ingest
from polaris.models import EPOCH, Connector, MeterReading, Tariff, UnprocessableFact
from polaris.pubsub import Publisher
from tests.support.depot import Depot, row, sessions
from tests.support.histories import History, Payload, Told2, Told16, Version, Visit, histories, sampled_at
from tests.support.spoken import handlers

pytestmark = pytest.mark.both_databases


# Twelve of the day's twenty-four hours, so that sessions of an hour or two have borders.
SCHEDULE = Schedule(
    "UTC", tuple(Window(tuple(range(7)), 120 * hour, 120 * hour + 60, Decimal(1), Decimal(1)) for hour in range(12))
)


@dataclass(frozen=True)
class Case:
    """A version: how chargers say things, and what understands them."""

    told: Version
    spoken: Callable[[CentralSystem], Spoken]


VERSIONS = [
    pytest.param(Case(Told16(), V16), id="1.6"),
    pytest.param(Case(Told2("ocpp2.0.1"), V201), id="2.0.1"),
    pytest.param(Case(Told2("ocpp2.1"), V21), id="2.1"),
]

all_versions = pytest.mark.parametrize("case", VERSIONS)
# Each example is a charger of its own in a real database: making a failure smaller would take minutes.
tellings = partial(
    settings,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
through_ingest, through_a_socket = tellings(max_examples=100), tellings(max_examples=25)


@pytest.mark.field(11, 13, 22)
@all_versions
@pytest.mark.timeout(300)
def test_any_order_same_sessions(own_depot: Depot, case: Case) -> None:
    publisher = Publisher(own_depot.config.redis_url)
    ingest = Ingest(own_depot.config, publisher)

    @through_ingest
    @given(history=histories())
    def tell(history: History) -> None:
        identity = own_depot.identity()
        _price(identity)
        asyncio.run(_tell(history, case.told, handlers(ingest, identity, case.spoken)))
        assert _as_stored(identity) == _as_it_was(history, case.told), str(history)

    with models.database.connection_context():
        tell()
    publisher.close()


@pytest.mark.field(1, 3)
@all_versions
def test_shuffled_histories_through_socket(depot: Depot, case: Case) -> None:
    @through_a_socket
    @given(history=histories())
    def tell(history: History) -> None:
        identity = asyncio.run(_tell_on_a_socket(depot, history, case))
        assert _as_stored(identity) == _as_it_was(history, case.told), str(history)

    tell()


async def _tell(history: History, version: Version, say: Callable[[str, Payload], Any]) -> None:
    numbers: dict[int, int] = {}
    for event in history.telling:
        answer = await say(*version.message(history.visits[event.visit], event, numbers.get(event.visit, 0)))
        if event.kind == "start":
            number = version.number(answer)
            assert numbers.setdefault(event.visit, number) == number, "a start that is repeated gets the same answer"


async def _tell_on_a_socket(depot: Depot, history: History, case: Case) -> str:
    """Tell it on a new connection, which is lost and comes back in the middle."""
    async with depot.charger(subprotocols=(case.told.subprotocol,)) as charger:
        _price(charger.identity)

        async def say(action: str, payload: Payload) -> Payload:
            nonlocal left
            left -= 1
            if left == 0:
                charger.connection.drop()
            return await charger.enqueue(action, lambda: payload)

        left = len(history.telling) // 2
        await _tell(history, case.told, say)
        return charger.identity


def _as_it_was(history: History, version: Version) -> dict[str, Any]:
    last = max((e for e in history.in_order if e.kind == "status"), key=lambda event: event.status_at or 0)
    return {
        "sessions": [_visited(visit, version) for visit in history.visits],
        "status": last.status,
        "unprocessable": [],
    }


def _visited(visit: Visit, version: Version) -> dict[str, Any]:
    """What is known of a visit: the charger's own figures, and each reading once with the energy by then."""
    start_wh = visit.meter_start_wh
    timeline = [
        (sampled_at(visit, r), r.register_wh, r.register_wh - start_wh, r.power_w, False) for r in visit.readings
    ]
    if version.begins_with_reading:
        timeline.insert(0, (visit.started_at, start_wh, 0, None, False))
    return {
        "state": SessionState.COMPLETED,
        "energy_wh": visit.meter_stop_wh - start_wh,
        "started_at": visit.started_at,
        "ended_at": visit.ended_at,
        "reason": visit.reason,
        "is_awaiting_end": False,
        "border_wh": _by_borders(visit, timeline),
        "timeline": [*timeline, (visit.ended_at, visit.meter_stop_wh, visit.meter_stop_wh - start_wh, None, True)],
    }


def _by_borders(visit: Visit, timeline: list[tuple[Any, ...]]) -> tuple[int, ...]:
    points = [(sampled_at, energy_wh) for sampled_at, _, energy_wh, _, _ in timeline]
    points.append((visit.ended_at, visit.meter_stop_wh - visit.meter_start_wh))
    return split(SCHEDULE, visit.started_at, points, visit.ended_at)[0]


def _price(identity: str) -> None:
    """Give the site of a charger prices that change every hour, if it has none yet."""
    site = row(identity).site
    if not Tariff.select().where(Tariff.site == site).exists():
        amounts = dict.fromkeys(("per_kwh", "per_minute", "per_session", "tax_percent"), Decimal(1))
        Tariff.create(site=site, currency="EUR", valid_from_at=EPOCH, schedule=to_json(SCHEDULE), **amounts)


def _as_stored(identity: str) -> dict[str, Any]:
    charger = row(identity)
    unprocessable = UnprocessableFact.select().where(UnprocessableFact.charger == charger)
    return {
        "sessions": [_session(session) for session in sessions(identity)],
        "status": Connector.get(Connector.charger == charger, Connector.number == 1).status,
        "unprocessable": [(fact.name, fact.reason) for fact in unprocessable],
    }


def _session(session: Any) -> dict[str, Any]:
    readings = MeterReading.select().where(MeterReading.session == session).order_by(MeterReading.sampled_at)
    return {
        "state": session.state,
        "energy_wh": session.energy_wh,
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "reason": session.stop_reason,
        "is_awaiting_end": session.is_awaiting_end,
        "border_wh": borders(session.border_wh),
        "timeline": [(r.sampled_at, r.register_wh, r.energy_wh, r.power_w, r.is_final) for r in readings],
    }
