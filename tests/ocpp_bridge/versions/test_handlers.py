"""Each version's table of handlers: every Action that the `ocpp` package lists is answered or refused, and validly."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ocpp.messages import MessageType, get_validator

from ocpp_bridge.ocppj import CallRefused, Fault
from ocpp_bridge.versions.base import CardMemory, CentralSystem, Handler, IncomingCall, Version
from ocpp_bridge.versions.notifications import keep
from ocpp_bridge.versions.v2.handlers import V201
from ocpp_bridge.versions.v2.handlers_v21 import V21
from ocpp_bridge.versions.v16.handlers import V16
from polaris.domain.enums import Authorization
from polaris.domain.facts import ChargerNotified, ConnectorStatusChanged, Fact
from polaris.ingest import Outcome, Started

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
STARTED = Started(1, Authorization.ACCEPTED)


def done(outcome: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(outcome)
    return future


def central_system(outcome: Outcome = None) -> CentralSystem:
    return CentralSystem(lambda _: done(outcome), lambda _: done(Authorization.ACCEPTED), lambda: NOW, 300)


VERSIONS = [V16(central_system()), V201(central_system()), V21(central_system())]
ACTIONS = [pytest.param(v, action, id=f"{v.subprotocol} {action}") for v in VERSIONS for action in v.actions.values()]

FIELDS = ("idTag", "idToken", "type", "connectorId", "evseId", "vatNumber", "certificateStatusRequests")
PAYLOADS = [{}, *(dict.fromkeys(FIELDS, value) for value in (None, "x", 1, {}, [{}], {"idToken": "x"}))]


def call(action: str, payload: Mapping[str, object], **fields: Any) -> IncomingCall:
    return IncomingCall(1, "depot-7", NOW, action, payload, "id", **fields)


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_every_action_answered_or_refused(version: Version, action: str) -> None:
    validator = get_validator(MessageType.CallResult, action, version.subprotocol.removeprefix("ocpp"))
    refusals = set()
    for payload in PAYLOADS:
        try:
            exchange = version.begin(call(action, payload))
            answer = exchange.answer(STARTED if isinstance(exchange.needs, Fact) else None)
            validator.validate(json.loads(json.dumps(answer)))
        except CallRefused as refusal:
            refusals.add(version.error_codes[refusal.fault])
    assert (refusals == {"NotSupported"}) is (action not in version.handlers)


def test_action_of_other_version_not_implemented() -> None:
    with pytest.raises(CallRefused) as refusal:
        V201(central_system()).begin(call("BatterySwap", {}))
    assert refusal.value.fault is Fault.NOT_IMPLEMENTED


def test_row_without_payload_struct() -> None:
    version = V16(central_system())
    version.handlers = {"Levitate": Handler(keep, lambda *_: None)}
    exchange = version.begin(call("Levitate", {"height": [1]}))
    assert isinstance(exchange.needs, ChargerNotified)
    assert (exchange.needs.topic, exchange.needs.raw) == ("Levitate", {"height": [1]})
    assert exchange.answer(None) == {}


@pytest.mark.parametrize(
    ("version", "card", "status"),
    [
        (VERSIONS[0], {"idTag": "ADA-1"}, {"connectorId": 1, "status": "Available"}),
        (
            VERSIONS[1],
            {"idToken": {"idToken": "ADA-1", "type": "ISO14443"}},
            {"evseId": 1, "connectorId": 1, "connectorStatus": "Available"},
        ),
    ],
    ids=["1.6", "2.0.1"],
)
def test_state_tells_when_card_was_asked_about(
    version: Version, card: Mapping[str, object], status: Mapping[str, object]
) -> None:
    """Over the same connection: only there is it known that none was asked about since."""
    memory = CardMemory()

    def asked_at() -> datetime | None:
        needs = version.begin(call("StatusNotification", status, cards=memory)).needs
        assert isinstance(needs, ConnectorStatusChanged)
        return needs.card_asked_at

    assert asked_at() is None
    version.begin(call("Authorize", card, cards=memory))
    assert asked_at() == NOW
