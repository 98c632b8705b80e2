"""Why drivers' starts are over before their time, as the rows tell it. Nothing is written.

An open row counts as over from the instant that its reason is there. Whoever writes next stores it, and it stays.
"""

from __future__ import annotations

from peewee import SQL

from polaris.domain import connectors
from polaris.domain import evidence as rules
from polaris.domain.commands import lifecycle
from polaris.domain.commands.catalog import StartCharging
from polaris.domain.enums import AccountStatus, CardStatus, CommandState, StartEnd
from polaris.ingest.facts import evidence
from polaris.ingest.requests import command_rows
from polaris.models import ChargingSession, Command, Connector, EvCard, StopRequest

IS_DRIVERS = SQL("account_id IS NOT NULL")  # literals, so that SQLite uses the partial indexes
IS_RUNNING = SQL("state = 'active'")
_IS_STOPPED_AT_ONCE = SQL("session_id IS NOT NULL AND status IN ('CardBlocked', 'AccountInactive')")
_STORED = frozenset(StartEnd)


def stored(row: Command) -> StartEnd | None:
    """Return why a start is over, if that is stored."""
    return StartEnd(row.status) if row.account_id is not None and row.status in _STORED else None


def of(row: Command) -> StartEnd | None:
    """Return why a start is over before its time; None if it is not, or if it is no driver's."""
    return stored(row) or (reason(row) if row.state in lifecycle.OPEN else None)


def reason(row: Command) -> StartEnd | None:
    """Return what ends a start, whatever has become of it."""
    if row.account is None:
        return None
    if row.account.status != AccountStatus.ACTIVE:
        return StartEnd.ACCOUNT_INACTIVE
    if _is_card_blocked(row):
        return StartEnd.CARD_BLOCKED
    return StartEnd.OVERTAKEN if row.state == CommandState.PROMISED and _is_overtaken(row) else None


def to_store(account_id: int | None = None, at: tuple[int, int] | None = None) -> list[tuple[int, StartEnd]]:
    """Return the open starts that are over, and why: all of them, or those of an account or at an EVSE."""
    rows = Command.select().where(command_rows.OPEN, IS_DRIVERS)
    if at is not None:
        is_at = (Command.charger == at[0]) & (Command.connector == at[1])
        rows = rows.where(is_at | (Command.account == account_id))
    elif account_id is not None:
        rows = rows.where(Command.account == account_id)
    found = ((row.id, of(row)) for row in rows)
    return [(row_id, end) for row_id, end in found if end is not None]


def to_stop() -> list[int]:
    """Return the sessions that began although their card or account had ended the start, to be stopped once."""
    begun = Command.select(Command.session).where(IS_DRIVERS, _IS_STOPPED_AT_ONCE)
    asked = StopRequest.select(StopRequest.session).where(StopRequest.session.in_(begun))
    is_due = ChargingSession.number.in_(begun) & ChargingSession.number.not_in(asked)
    return [row.number for row in ChargingSession.select(ChargingSession.number).where(IS_RUNNING, is_due)]


def sessions_at(charger_id: int, evse_id: int) -> list[ChargingSession]:
    """Return the sessions that take place at a connector. One without a card yet is of a car that waits (OCPP 2.x)."""
    is_there = (ChargingSession.charger == charger_id) & ChargingSession.connector.in_(_shared(charger_id, evse_id))
    rows = ChargingSession.select().where(IS_RUNNING, is_there)
    going_on = [row for row in rows if row.id_tag and not row.is_awaiting_end]
    return [row for row in going_on if evidence.is_charging(row)]


def _shared(charger_id: int, evse_id: int) -> set[int]:
    numbers = Connector.select(Connector.number).where(Connector.charger == charger_id, Connector.number > 0)
    return set(rules.shares(evse_id, {connectors.evse_id(row.number) for row in numbers}))


def _is_card_blocked(row: Command) -> bool:
    command = row.command
    assert isinstance(command, StartCharging)
    is_card = (EvCard.id_tag == command.id_tag) & (EvCard.account == row.account_id)
    return bool(EvCard.select().where(is_card, EvCard.status == CardStatus.BLOCKED).exists())


def _is_overtaken(row: Command) -> bool:
    """Return whether somebody else's session goes on at a start's connector, or began there since and is over."""
    evse_id = row.connector or 0
    is_there = (ChargingSession.charger == row.charger_id) & ChargingSession.connector.in_(
        _shared(row.charger_id, evse_id)
    )
    is_since = (ChargingSession.ended_at >= row.requested_at - command_rows.CLOCK_SLACK) & (
        ChargingSession.start_received_at >= row.requested_at
    )
    over = ChargingSession.select().where(is_there, ChargingSession.ended_at.is_null(False), is_since)
    charged = [session for session in over if session.id_tag and not session.is_refused]
    return any(session.account_id != row.account_id for session in [*sessions_at(row.charger_id, evse_id), *charged])
