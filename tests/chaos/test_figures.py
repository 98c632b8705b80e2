"""Sessions told wrongly in every way: of each the total is the truth, less what was lost, or it is not known."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ocpp_bridge.versions.base import CentralSystem, Version
from ocpp_bridge.versions.v2.handlers import V201
from ocpp_bridge.versions.v16.handlers import V16
from polaris import models
from polaris.domain.enums import SessionState
from polaris.ingest import Ingest
from polaris.pubsub import Publisher
from simulator.charger_v2 import event, token
from tests.chaos.conftest import Asked
from tests.chaos.figures import Tally, described, judged, sessions, smaller
from tests.support import depot as found
from tests.support.depot import Depot
from tests.support.spoken import Say, handlers
from tests.support.true_sessions import BEGIN, END, Figure, TrueSession

SESSIONS, SHUFFLED = 2000, 60
MAX_WRONG = 3  # of 2,000: one in four thousand is, and a fresh seed must not fail by chance; the report has each
BY_RECEIPT = {"stuck clock", "whole minutes", "other register"}  # the order of receipt is a part of what they tell
Message = tuple[str, dict[str, Any]]


@pytest.mark.field(15, 16, 17, 29, 31, 33, 35, 106, 107, 108, 109, 110, 120, 122, 128)
def test_total_is_truth_or_not_known(asked: Asked, report: Callable[[str], None]) -> None:
    tally = Tally()
    for session in sessions(SESSIONS, asked.seed):
        tally.count(session)
    wrong = tally.failures
    report(f"figures: {SESSIONS} sessions, {tally.unknown.total()} not known, {len(wrong)} wrong")
    report(f"figures not known: {tally.unknown_by_kind()}")
    least = [smaller(session, lambda less: judged(less).faults) for session in wrong[:5]]
    for session in least:
        report(described(session, judged(session)))
    beyond = [fault for session in wrong for fault in judged(session).faults if "bound" in fault]
    assert not beyond, "no figure is more than the connector can deliver"
    assert len(wrong) <= MAX_WRONG


@pytest.mark.both_databases
@pytest.mark.field(22, 24, 35, 79)
@pytest.mark.parametrize("version", [V16, V201], ids=["1.6", "2.0.1"])
def test_any_order_same_total(
    own_depot: Depot, asked: Asked, report: Callable[[str], None], version: Callable[[CentralSystem], Version]
) -> None:
    """A session that is told shuffled, doubled and cut comes to the total that the same messages come to in order."""
    publisher = Publisher(own_depot.config.redis_url)
    ingest = Ingest(own_depot.config, publisher)
    differ = []
    with models.database.connection_context():
        for number, session in enumerate(sessions(SHUFFLED, f"{asked.seed} shuffled")):
            if {*session.kinds} & BY_RECEIPT:
                continue
            in_order, shuffled = _tellings(session, version, random.Random(f"{asked.seed} {number}"))
            totals = []
            for telling in (in_order, shuffled):
                identity = own_depot.identity()
                asyncio.run(_tell(handlers(ingest, identity, version), telling))
                totals.append(_totals(identity))
            if totals[0] != totals[1]:
                differ.append(f"{session.kinds} {totals}:\n  {_briefly(in_order)}\n  {_briefly(shuffled)}")
    publisher.close()
    report(f"figures: {SHUFFLED} sessions shuffled, {len(differ)} differ")
    assert not differ, "\n".join(differ[:10])


def _tellings(
    session: TrueSession, version: Callable[[CentralSystem], Version], rng: random.Random
) -> tuple[list[Message], list[Message]]:
    """Return a part of a session's messages, in order and as they may arrive. In OCPP 1.6 the start comes first."""
    start, *rest = _messages_16(session) if version is V16 else _messages_2(session)
    cut = sorted(rng.sample(range(len(rest)), rng.randint(len(rest) // 2, len(rest))))
    told = [rest[index] for index in cut]
    arrived = [*told, *rng.sample(told, len(told) // 3), *([start] if version is V201 else [])]
    rng.shuffle(arrived)
    return [start, *told], arrived if version is V201 else [start, *arrived]


async def _tell(say: Say, telling: list[Message]) -> None:
    number = 0
    for action, payload in telling:
        named = {"transactionId": number} if action in ("MeterValues", "StopTransaction") else {}
        answer = await say(action, payload | named)
        if action == "StartTransaction":
            number = answer["transactionId"]


def _totals(identity: str) -> list[tuple[object, ...]]:
    """What is known of the sessions that have ended. One that goes on may show less than it knows."""
    ended = [session for session in found.sessions(identity) if session.state == SessionState.COMPLETED]
    unprocessable = [(fact.name, fact.reason) for fact in found.unprocessable_facts(identity)]
    return [*[(session.energy_wh, session.meter_start_wh) for session in ended], *unprocessable]


def _briefly(telling: list[Message]) -> str:
    """Return when each message is of, its Action, and its figures."""

    def line(action: str, payload: dict[str, Any]) -> str:
        values = payload.get("meterValue", [{"timestamp": payload.get("timestamp"), "sampledValue": []}])[0]
        figures = [sample["value"] for sample in values["sampledValue"]]
        kind = payload.get("eventType", action)
        return (
            f"{values['timestamp'][11:19]} {kind} {payload.get('meterStart', payload.get('meterStop', ''))} {figures}"
        )

    return "; ".join(line(*message) for message in telling)


def _messages_16(session: TrueSession) -> list[Message]:
    start = {"connectorId": 1, "idTag": "ADA-1", "timestamp": _text(session.start.at_us)}
    if session.start.register_wh is not None:
        start["meterStart"] = session.start.register_wh
    values = [("MeterValues", {"connectorId": 1, "meterValue": [_value_16(figure)]}) for figure in session.told]
    stop: dict[str, Any] = {"timestamp": _text(session.end.at_us), "reason": "Local"}
    if session.end.register_wh is not None:
        stop["meterStop"] = session.end.register_wh
    return [("StartTransaction", start), *values, ("StopTransaction", stop)]


def _value_16(figure: Figure) -> dict[str, Any]:
    sampled = [
        {"value": str(value), "measurand": measurand, "context": figure.context} for measurand, value in _values(figure)
    ]
    return {"timestamp": _text(figure.at_us), "sampledValue": sampled}


def _messages_2(session: TrueSession) -> list[Message]:
    rest = {"idToken": token("ADA-1"), "evse": {"id": 1, "connectorId": 1}}
    start, end = replace(session.start, context=BEGIN), replace(session.end, context=END)
    told = [("Started", start), *(("Updated", figure) for figure in session.told), ("Ended", end)]
    return [
        (
            "TransactionEvent",
            event("tx", number, kind, "MeterValuePeriodic", {}, **rest)
            | {"timestamp": _text(figure.at_us), "meterValue": [_value_2(figure)]},
        )
        for number, (kind, figure) in enumerate(told)
    ]


def _value_2(figure: Figure) -> dict[str, Any]:
    sampled = [
        {"value": value, "measurand": measurand, "context": figure.context} for measurand, value in _values(figure)
    ]
    return {"timestamp": _text(figure.at_us), "sampledValue": sampled}


def _values(figure: Figure) -> list[tuple[str, int]]:
    values = [
        ("Energy.Active.Import.Register", figure.register_wh),
        ("Energy.Active.Import.Interval", figure.interval_wh),
        ("Power.Active.Import", figure.power_w),
    ]
    return [(measurand, value) for measurand, value in values if value is not None]


def _text(at_us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).isoformat()
