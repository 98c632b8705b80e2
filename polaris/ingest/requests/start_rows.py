"""A driver's start as the rows tell it: the driver, the connector, and the newest start there. Nothing is written.

The page reads through here, and the transaction of a start once more. Callers have a database connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from peewee import JOIN

from polaris.domain import cards, connectors
from polaris.domain.cards import normal_id_tag
from polaris.domain.commands import catalog
from polaris.domain.commands.catalog import CancelReservation, Reserve, StartCharging
from polaris.domain.enums import AccountStatus, CardStatus, ChargerStatus, CommandState, Role, SessionState
from polaris.domain.start_request import FATE_SHOWN, Bay, Driver, OwnCard, Place, Running, StartProgress
from polaris.ingest.facts import evidence
from polaris.ingest.requests import command_rows, start_ends
from polaris.ingest.requests.start_ends import IS_DRIVERS, IS_RUNNING
from polaris.models import Account, Charger, ChargingSession, Command, Connector, EvCard

MAX_CARDS = 20  # of a driver that are offered

_RESERVATIONS = ("reserve", "cancel-reservation")


def charger(identity: str) -> Charger | None:
    """Return the charger of an identity at which drivers may start; None if there is none, or it is retired."""
    row: Charger | None = Charger.get_or_none(Charger.identity == identity.replace("\0", ""))
    return None if row is None or row.status == ChargerStatus.RETIRED else row


def connector(charger: Charger, number: int) -> Connector | None:
    """Return a connector that the charger has reported."""
    row: Connector | None = Connector.get_or_none(Connector.charger == charger, Connector.number == number)
    return row if number > 0 else None


def place(charger: Charger, connector: Connector, account_id: int, now: datetime) -> Place:
    """Return a connector as a start of the account depends on it."""
    evse_id = connectors.evse_id(connector.number)
    sessions = start_ends.sessions_at(charger.id, evse_id)
    own = next((session.number for session in sessions if session.account_id == account_id), None)
    return Place(
        is_allowed=charger.status == ChargerStatus.ACTIVE,
        is_online=charger.is_online(now),
        status=connector.status,
        session=own,
        is_taken=any(session.account_id != account_id for session in sessions)
        or _is_promised(charger, evse_id, account_id, now),
        reserved_for=_reserved_for(charger, evse_id, now),
    )


def driver(account_id: int, here: tuple[int, int], now: datetime) -> Driver:
    """Return the driver with their active cards. `here` is the charger and the EVSE at which a start is no other."""
    account = Account.get_by_id(account_id)
    own = _with_sessions(list(_cards(account_id, now)))
    starting = _starting(account_id, here, now)
    return Driver(AccountStatus(account.status), tuple(own), starting, account.role == Role.OPERATOR)


def newest(account_id: int, charger_id: int, evse_id: int) -> StartProgress | None:
    """Return the newest start that an account has asked for at a connector."""
    is_there = (Command.account == account_id) & (Command.charger == charger_id) & (Command.connector == evse_id)
    of_account = Command.select(Command, ChargingSession).join(ChargingSession, JOIN.LEFT_OUTER)
    rows = list(of_account.where(is_there).order_by(Command.id.desc()).limit(2))
    return _progress(rows[0], *rows[1:]) if rows else None


def under_way(account_id: int, now: datetime) -> list[tuple[Bay, StartProgress]]:
    """Return the start of an account that is under way, with where it is; an account has one at most."""
    rows = Command.select(Command, Charger).join(Charger).where(command_rows.OPEN, Command.account == account_id)
    return [(_bay(row), _progress(row)) for row in rows if command_rows.is_open(row, now)]


def _bay(row: Command) -> Bay:
    return Bay(row.charger.identity, row.charger.name, row.connector or 0)


def with_card(account_id: int, id_tag: str, now: datetime) -> Bay | None:
    """Return where a start of an account with a card is under way."""
    for row in Command.select(Command, Charger).join(Charger).where(command_rows.OPEN, Command.account == account_id):
        command = row.command
        is_with_it = isinstance(command, StartCharging) and command.id_tag == id_tag
        if is_with_it and command_rows.is_open(row, now) and start_ends.of(row) is None:
            return _bay(row)
    return None


def open_at(account_id: int, charger_id: int, evse_id: int, now: datetime) -> Command | None:
    """Return the start of an account that is under way at a connector."""
    is_there = (Command.account == account_id) & (Command.charger == charger_id) & (Command.connector == evse_id)
    row: Command | None = Command.select().where(command_rows.OPEN, is_there).first()
    return row if row is not None and command_rows.is_open(row, now) else None


def _progress(row: Command, before: Command | None = None) -> StartProgress:
    session = row.session
    return StartProgress(
        row.values(),
        row.requested_at,
        is_sent=row.sent_at is not None,
        is_answered=row.answered_at is not None,
        session=row.session_id,
        is_session_active=session is not None and session.state == SessionState.ACTIVE,
        is_late=session is not None and session.start_received_at > row.deadline_at,
        end=start_ends.of(row) if row.session_id is None else None,
        is_repeated=before is not None and _is_failure(before, row.requested_at),
    )


def _is_failure(row: Command, at: datetime) -> bool:
    """Return whether a start failed, shortly before another was asked for."""
    is_recent = at < row.deadline_at + FATE_SHOWN
    return row.session_id is None and is_recent and start_ends.stored(row) is None


def has_other_open(row: Command) -> bool:
    """Return whether another start of its driver, or at its connector, is open: a late answer must not reopen it."""
    is_at = (Command.charger == row.charger_id) & (Command.connector == row.connector)
    is_beside = (Command.account == row.account_id) | is_at
    return bool(Command.select().where(command_rows.OPEN, IS_DRIVERS, is_beside, Command.id != row.id).exists())


def run_out(charger_id: int, evse_id: int, account_id: int, now: datetime) -> list[int]:
    """Return the starts that have run out and are stored as open, at a connector or of an account."""
    is_at = (Command.charger == charger_id) & (Command.connector == evse_id)
    rows = Command.select().where(command_rows.OPEN, IS_DRIVERS, is_at | (Command.account == account_id))
    return [row.id for row in rows if not command_rows.is_open(row, now)]


def _is_promised(charger: Charger, evse_id: int, account_id: int, now: datetime) -> bool:
    """Return whether a start of somebody else is under way at a connector."""
    rows = Command.select().where(command_rows.OPEN, Command.charger == charger, Command.kind == catalog.START)
    return any(
        row.account_id != account_id
        and command_rows.is_open(row, now)
        and _is_for(row, evse_id)
        and start_ends.of(row) is None
        for row in rows
    )


def _is_for(row: Command, evse_id: int) -> bool:
    command = row.command
    return isinstance(command, StartCharging) and connectors.evse_id(command.connector) == evse_id


def _reserved_for(charger: Charger, evse_id: int, now: datetime) -> frozenset[str]:
    """Return the cards for which a connector was reserved here, and still is as far as is known."""
    rows = Command.select().where(Command.charger == charger, Command.kind.in_(_RESERVATIONS))
    accepted = rows.where(Command.state == CommandState.ACCEPTED).order_by(Command.id)
    held: dict[int, Reserve] = {}
    for command in (row.command for row in accepted):
        if isinstance(command, Reserve):
            held[command.reservation] = command
        elif isinstance(command, CancelReservation):
            held.pop(command.reservation, None)
    here = (each for each in held.values() if each.until_at > now and each.connector in (0, evse_id))
    return frozenset(normal_id_tag(cards.id_tag(each.id_tag)) for each in here)


def _cards(account_id: int, now: datetime) -> Iterable[EvCard]:
    is_active = (EvCard.account == account_id) & (EvCard.status == CardStatus.ACTIVE)
    is_valid = EvCard.expires_at.is_null() | (EvCard.expires_at > now)
    query: Iterable[EvCard] = EvCard.select().where(is_active, is_valid).order_by(EvCard.id).limit(MAX_CARDS)
    return query


def _with_sessions(own: list[EvCard]) -> list[OwnCard]:
    if not own:
        return []
    query = ChargingSession.select(ChargingSession, Charger).join(Charger)
    is_running = IS_RUNNING & ChargingSession.card.in_([card.id for card in own])
    going_on = [row for row in query.where(is_running) if not row.is_awaiting_end and evidence.is_charging(row)]
    running = {row.card_id: Running(row.number, row.charger.name) for row in going_on}
    return [OwnCard(card.id, card.id_tag, running.get(card.id)) for card in own]


def _starting(account_id: int, here: tuple[int, int], now: datetime) -> Bay | None:
    query = Command.select(Command, Charger).join(Charger).where(command_rows.OPEN, Command.account == account_id)
    for row in query:
        is_elsewhere = (row.charger_id, row.connector) != here
        if is_elsewhere and command_rows.is_open(row, now) and start_ends.of(row) is None:
            return _bay(row)
    return None
