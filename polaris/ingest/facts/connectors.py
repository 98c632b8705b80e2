"""Facts about connectors: their states, which are evidence about the sessions on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from polaris import pubsub
from polaris.domain import behaviour, usage
from polaris.domain.enums import ConnectorStatus, StopState
from polaris.domain.evidence import EFFECTS, Effect, of_available
from polaris.domain.facts import ConnectorStatusChanged
from polaris.domain.instants import believable, to_microseconds
from polaris.domain.limits import UNPLUG_WITHIN
from polaris.ingest.facts import evidence, max_power, meter_rows
from polaris.ingest.facts.chargers import change
from polaris.ingest.sanitize import fit_line
from polaris.models import ChargingSession, Connector, RowQuery, StopRequest
from polaris.pubsub import ChangeNotification

IN_SESSION = (ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE)


class _Ended(NamedTuple):
    number: int
    account_id: int | None
    end_received_at: datetime | None


_JUST_ENDED = RowQuery(
    _Ended,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE connector = {param} AND ended_at > {param}"
    " AND charger_id IN ({marks}) ORDER BY number DESC LIMIT 1",
)


def status_changed(notifications: list[ChangeNotification], fact: ConnectorStatusChanged, now: datetime) -> None:
    """Store a connector's newest state. It is evidence about the connector's session, but never ends it."""
    changed_at = believable(fact.at, fact.received_at)
    values = {
        Connector.status: fit_line(fact.status),
        Connector.error_code: fit_line(fact.error_code),
        Connector.info: fit_line(fact.info),
        Connector.changed_at: changed_at,
    }
    first = {
        Connector.charger: fact.charger_id,
        Connector.number: fact.connector,
        Connector.max_power_w: max_power.of(fact.charger_id, fact.connector),
    }
    is_new = (
        Connector.insert(first | values)
        .on_conflict(
            conflict_target=[Connector.charger, Connector.number],
            update=values,
            where=(Connector.changed_at <= changed_at),
        )
        .as_rowcount()
        .execute()
    )
    if is_new:
        notifications += pubsub.charger_changed(fact.charger_id)
    if is_new and fact.connector > 0 and fact.status != ConnectorStatus.OCCUPIED:  # OCPP 2.x: not about charging
        begun = [s for s in evidence.open_on(fact.charger_id, fact.connector) if s.started_at <= changed_at]
        for session in begun if fact.status == ConnectorStatus.AVAILABLE else begun[:1]:
            _show_on_session(notifications, session, fact, changed_at)
        if fact.status == ConnectorStatus.AVAILABLE and not begun:
            notifications += _of_ended_session(fact)


def _of_ended_session(fact: ConnectorStatusChanged) -> tuple[ChangeNotification, ...]:
    """Return the notifications of a free connector's last session: its page says no longer to unplug the cable.

    If its stop was asked for here, keep whether the charger has let go of the cable without a card.
    """
    since_us = to_microseconds(fact.received_at - UNPLUG_WITHIN)
    ended = _JUST_ENDED.first(fact.charger_id, fact.connector, since_us)
    if ended is None:
        return ()
    if ended.end_received_at is not None:
        is_card_needed = behaviour.is_card_needed(ended.end_received_at, fact.received_at, fact.card_asked_at)
        StopRequest.update(freed_at=fact.received_at, is_card_needed=is_card_needed).where(
            StopRequest.session == ended.number,
            StopRequest.state == StopState.COMPLETED,
            StopRequest.freed_at.is_null(),
        ).execute()
    return pubsub.session_changed(ended.number, fact.charger_id, ended.account_id)


def _show_on_session(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    fact: ConnectorStatusChanged,
    changed_at: datetime,
) -> None:
    """Show a connector's state on its session; a free one puts it in doubt, or closes it if its card was refused."""
    status, previous = fit_line(fact.status), session.connector_status
    over_at = usage.over_at(status, changed_at, session.over_at, previous=previous)
    if over_at not in (None, session.over_at) and meter_rows.has_risen(session.number, over_at):
        over_at = None
    values: dict[str, Any] = {"connector_status": status, "over_at": over_at}
    if fact.status in IN_SESSION:
        is_outweighed = evidence.is_outweighed(session, changed_at, fact.received_at)
        values["is_awaiting_end"] = session.is_awaiting_end and not is_outweighed
    elif fact.status == ConnectorStatus.AVAILABLE:
        at = changed_at if changed_at == fact.at else None
        if EFFECTS[of_available(at, evidence.named_at(session))] is Effect.DOUBTS:
            if session.is_idle_refusal:
                evidence.refuse(notifications, session, fact.received_at)
                return
            instants = [instant for instant in (at, session.doubted_at) if instant is not None]
            values |= {"is_awaiting_end": True, "doubted_at": max(instants, default=None)}
    if any(getattr(session, name) != value for name, value in values.items()):
        # The last reading's power is outdated unless the connector still charges.
        power_w = session.power_w if fact.status == ConnectorStatus.CHARGING else None
        change(notifications, session, **values, power_w=power_w)
