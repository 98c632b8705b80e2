"""The queries of the commands to a charger, from stored rows to view objects. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from peewee import JOIN, fn

from polaris.domain import zones
from polaris.domain.commands import catalog, outcome_text
from polaris.domain.commands.lifecycle import Progress, effective
from polaris.domain.enums import CommandState
from polaris.domain.redaction import REDACTED
from polaris.models import Bridge, Charger, Command, Connector, Site, blocking, is_held
from polaris.web.commands.view import CommandLine

ROWS = 20
# Characters of a text in a line. An answer may have a hundred times as many, and each is read again with each change.
MAX_TEXT_LENGTH = 1000
MAX_WHOLE_LENGTH = 100_000  # more than a row keeps
MAX_CONNECTORS = 20  # named beside a form


@dataclass(frozen=True, slots=True)
class CommandedCharger:
    """A charger as the pages of its commands show it."""

    id: int
    identity: str
    name: str
    is_online: bool
    connectors: tuple[int, ...]
    zone: tzinfo  # of its site


@dataclass(frozen=True, slots=True)
class CommandsPage:
    """Some of a charger's commands: the newest, or those below a number."""

    charger: CommandedCharger
    lines: tuple[CommandLine, ...]
    before: int | None
    has_older: bool


@dataclass(frozen=True, slots=True)
class CommandPage:
    """One of a charger's commands, with its texts whole."""

    charger: CommandedCharger
    line: CommandLine
    max_length: int = MAX_WHOLE_LENGTH


@blocking
def page(identity: str, before: int | None, now: datetime) -> CommandsPage | None:
    """Read a page of a charger's commands; None if there is no such charger."""
    found = charger(identity, now)
    if found is None:
        return None
    shown = lines(found.id, now, before=before)
    return CommandsPage(found, shown[:ROWS], before, len(shown) > ROWS)


@blocking
def command(identity: str, command_id: int, now: datetime) -> CommandPage | None:
    """Read one of a charger's commands with its texts whole; None if it has no such command."""
    found = charger(identity, now)
    if found is None:
        return None
    row = _query(found.id, MAX_WHOLE_LENGTH).where(Command.id == command_id).objects().first()
    return None if row is None else CommandPage(found, _line(row, now))


@blocking
def charger(identity: str, now: datetime) -> CommandedCharger | None:
    query = Charger.select(Charger, Bridge, Site).join_from(Charger, Bridge, JOIN.LEFT_OUTER).join_from(Charger, Site)
    row = query.where(Charger.identity == identity.replace("\0", "")).first()
    if row is None:
        return None
    numbers = Connector.select(Connector.number).where(Connector.charger == row.id, Connector.number > 0)
    return CommandedCharger(
        row.id,
        row.identity,
        row.name,
        is_held(row.connection_id, row.bridge and row.bridge.lease_until_at, now),
        tuple(connector.number for connector in numbers.order_by(Connector.number).limit(MAX_CONNECTORS)),
        zones.zone(row.site.time_zone),
    )


@blocking
def lines(charger_id: int, now: datetime, *, before: int | None = None) -> tuple[CommandLine, ...]:
    """Read a page of a charger's commands: the newest first, and one more than fits if there are more."""
    query = _query(charger_id, MAX_TEXT_LENGTH)
    if before is not None:
        query = query.where(Command.id < before)
    return tuple(_line(row, now) for row in query.limit(ROWS + 1).objects())


def _query(charger_id: int, max_length: int) -> Any:
    """Return the query for a charger's commands, the newest first, with their texts cut."""
    cut = {
        name: fn.SUBSTR(getattr(Command, name), 1, max_length).alias(name) for name in ("arguments", "answer", "frame")
    }
    columns = [field for field in Command._meta.sorted_fields if field.name not in cut]
    of_charger = Charger.connection_id.alias("present_connection"), Charger.booted_at
    query = Command.select(*columns, *cut.values(), *of_charger).join(Charger)
    return query.where(Command.charger == charger_id).order_by(Command.id.desc())


@blocking
def arguments(charger_id: int, command_id: int, kind: str) -> Mapping[str, object]:
    """Return the arguments of a command of this kind, to be requested again; none if there is no such command."""
    row = Command.get_or_none(Command.id == command_id, Command.charger == charger_id, Command.kind == kind)
    arguments: Mapping[str, object] = {} if row is None else json.loads(row.arguments)
    return arguments


def _line(row: Any, now: datetime) -> CommandLine:
    state = effective(Progress(CommandState(row.state), row.deadline_at), now)
    is_begun = row.session_id is not None and row.kind == catalog.START
    is_sent, is_dry_run = row.sent_at is not None, row.is_dry_run
    is_previewed = state is CommandState.PREVIEWED and REDACTED not in row.arguments
    is_restarted = row.booted_at is not None and row.answered_at is not None and row.booted_at > row.answered_at
    return CommandLine(
        id=row.id,
        kind=row.kind,
        arguments=row.arguments,
        state=state,
        sentence=outcome_text.sentence(state, row.status, is_sent=is_sent, is_begun=is_begun, is_dry_run=is_dry_run),
        status=row.status if is_sent else "",
        answer=row.answer,
        frame=row.frame,
        protocol=row.protocol,
        connection_id=row.connection_id or "",
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        answered_at=row.answered_at,
        is_sent=is_sent,
        is_dry_run=is_dry_run,
        can_be_sent=is_previewed and row.connection_id == row.present_connection,
        needs_restart=row.status == outcome_text.RESTART_NEEDED and not is_restarted,
    )
