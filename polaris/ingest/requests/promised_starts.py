"""Start commands and the sessions that come of them: the promise of an accepted start, fulfilled."""

from __future__ import annotations

from datetime import datetime, timedelta

from peewee import SQL, ModelSelect

from polaris.domain import cards
from polaris.domain.cards import normal_id_tag
from polaris.domain.commands import catalog, lifecycle
from polaris.domain.commands.catalog import StartCharging
from polaris.domain.commands.lifecycle import CommandLimits
from polaris.domain.enums import RequestEvent
from polaris.ingest.requests import command_rows, start_ends
from polaris.ingest.sanitize import fit
from polaris.models import ChargingSession, Command, locked
from polaris.pubsub import ChangeNotification

LATEST_START = timedelta(minutes=5)  # past a start's deadline, for a session still to fulfil it

_NO_LIMITS = CommandLimits(timedelta(0), timedelta(0))

# Literals, not parameters: SQLite uses a partial index only if the statement's text implies the index's condition.
START_TO_COME = "kind = 'start' AND session_id IS NULL AND state IN ('sent', 'promised', 'timed_out', 'unknown')"


def fulfil_start(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    received_at: datetime,
    command_id: int | None = None,
) -> None:
    """Fulfil the start command that a session came from. OCPP 2.x names it; in 1.6 card, connector and time match."""
    row = _matching(session, received_at) if command_id is None else _named(session, command_id)
    if row is None:
        return
    end = start_ends.stored(row) or start_ends.reason(row)
    after = lifecycle.advance(row.values(), RequestEvent.FULFILLED, received_at, _NO_LIMITS)
    if after is not None:
        command_rows.save(notifications, row, after)
    Command.update(session=session.number, status=end or row.status).where(Command.id == row.id).execute()


def _named(session: ChargingSession, command_id: int) -> Command | None:
    """Return the start that a charger names, whatever has become of it: it knows the number from nowhere else."""
    is_it = (Command.id == command_id) & (Command.kind == catalog.START) & Command.session.is_null()
    row: Command | None = locked(_sent_to(session).where(is_it)).first()
    return row


def _matching(session: ChargingSession, received_at: datetime) -> Command | None:
    """Return the start that is waited for, else the newest of those that were given up or had no answer.

    Not one that a later start has taken the place of: the session of that one was what the charger had been asked for.
    """
    is_candidate = SQL(START_TO_COME) & (Command.deadline_at >= received_at - LATEST_START)
    rows = [
        row
        for row in locked(_sent_to(session).where(is_candidate).order_by(Command.id))
        if _matches(row, session, received_at)
    ]
    waited_for = [row for row in rows if row.state in lifecycle.OPEN and start_ends.of(row) is None]
    if waited_for or not rows:
        return next(iter(waited_for), None)
    is_later = (Command.kind == catalog.START) & (Command.id > rows[-1].id) & Command.session.is_null(False)
    is_replaced = any(_matches(row, session, received_at) for row in _sent_to(session).where(is_later))
    return None if is_replaced else rows[-1]


def _sent_to(session: ChargingSession) -> ModelSelect[Command]:
    is_sent = Command.sent_at.is_null(False)  # a start that no bridge claimed in time is timed out, too
    return Command.select().where(Command.charger == session.charger_id, is_sent)


def card_sent(charger_id: int, command_id: int, transaction_id: str) -> str:
    """Return the id tag sent with the start command of a transaction (OCPP 2.x), "" if there was no such command.

    A command starts one transaction: that of another is nobody's.
    """
    row = Command.get_or_none(
        Command.id == command_id,
        Command.charger == charger_id,
        Command.kind == catalog.START,
        Command.sent_at.is_null(False),
    )
    is_taken = row is not None and row.session is not None and row.session.transaction_id != fit(transaction_id)
    return "" if row is None or is_taken else _id_tag(row)


def started_with(number: int) -> str:
    """Return the id tag sent with the start command that a session came from, "" if it came from none."""
    row = Command.select().where(Command.session == number, Command.kind == catalog.START).first()
    return "" if row is None else _id_tag(row)


def _id_tag(row: Command) -> str:
    command = row.command
    assert isinstance(command, StartCharging)
    return fit(normal_id_tag(command.id_tag))


def _matches(row: Command, session: ChargingSession, received_at: datetime) -> bool:
    """Return whether a session of OCPP 1.6 can have come from this start command."""
    command = row.command
    assert isinstance(command, StartCharging)
    is_in_time = row.sent_at <= received_at
    # Else it was queued while the charger was offline.
    is_fresh = session.started_at >= row.sent_at - command_rows.CLOCK_SLACK
    is_there = command.connector in (0, session.connector)
    return is_in_time and is_fresh and is_there and fit(normal_id_tag(cards.id_tag(command.id_tag))) == session.id_tag
