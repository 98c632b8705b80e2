"""Reports that OCPP 2.x makes by its device model: connectors' states in NotifyEvent, EVSEs' power in NotifyReport.

Names of components and variables are case-insensitive. All else in these messages is kept as it came.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice

from ocpp_bridge.versions import timestamps
from ocpp_bridge.versions.base import IncomingCall
from ocpp_bridge.versions.v2.payloads import EventData, ReportData
from polaris.domain import connectors
from polaris.domain.facts import ConnectorStatusChanged
from polaris.domain.limits import MAX_POWER_W, MIN_POWER_W

MAX_STATES = 250  # connectors in one message; without it, one message could hold up the facts of all other chargers

_EVSE, _CONNECTOR, _STATION = "evse", "connector", "chargingstation"
_WATTS = {"": 1, "w": 1, "kw": 1000}


def states(events: Iterable[EventData], call: IncomingCall) -> tuple[ConnectorStatusChanged, ...]:
    """Return the newest state of each connector. A connector's own outranks that of its EVSE, 0 is the charger."""
    newest: dict[int, tuple[bool, ConnectorStatusChanged]] = {}
    for event in events:
        component, number = event.component.name.lower(), _connector(event)
        if event.variable.name.lower() != "availabilitystate" or number is None or not event.actual_value:
            continue
        state = (component == _CONNECTOR, _state(event, number, call))
        if number not in newest or _rank(*state) >= _rank(*newest[number]):
            newest[number] = state
    return tuple(state for _, state in islice(newest.values(), MAX_STATES))


def max_power_w(report: Iterable[ReportData]) -> dict[int, int]:
    """Return the greatest power of each EVSE that tells a possible one, by its id."""
    powers: dict[int, int] = {}
    for item in report:
        is_power = (item.component.name.lower(), item.variable.name.lower()) == (_EVSE, "power")
        power_w = _max_power_w(item) if is_power and item.component.evse.id else None
        if power_w is not None:
            powers[item.component.evse.id] = power_w
    return powers


def _connector(event: EventData) -> int | None:
    """Return the number of the connector that an event is about, or None."""
    component, evse = event.component.name.lower(), event.component.evse
    if component == _STATION:
        return 0
    if not evse.id or component not in (_EVSE, _CONNECTOR):
        return None
    return connectors.number(evse.id, evse.connector_id if component == _CONNECTOR else 1)


def _state(event: EventData, number: int, call: IncomingCall) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(
        charger_id=call.charger_id,
        received_at=call.received_at,
        connector=number,
        status=connectors.state(event.actual_value),
        error_code="",
        info="",
        at=timestamps.read(event.timestamp),
        card_asked_at=call.cards.asked_at,
    )


def _rank(is_own: bool, state: ConnectorStatusChanged) -> tuple[object, ...]:
    return is_own, state.at or state.received_at


def _max_power_w(item: ReportData) -> int | None:
    """Return the limit among the characteristics, else the variable's maximum as it is set."""
    characteristics = item.variable_characteristics
    set_to = [attribute.value for attribute in item.variable_attribute if attribute.type.lower() == "maxset"]
    for value in (characteristics.max_limit, *set_to):
        watts = _number(value) * _WATTS.get(characteristics.unit.strip().lower(), math.nan)
        if MIN_POWER_W <= watts <= MAX_POWER_W:
            return round(watts)
    return None


def _number(value: float | str | None) -> float:
    try:
        return math.nan if value is None else float(value)
    except (ValueError, OverflowError):
        return math.nan
