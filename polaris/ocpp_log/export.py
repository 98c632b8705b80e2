"""The export of a session's or a charger's frames for replay: JSON lines of offset in seconds, direction and frame.

The first line has the instant too, from which the offsets count.

A session's file has its charger's frames from shortly before its start until shortly after its end, without those of
other transactions. Cards' ids are replaced by aliases; the alias of the session's card is STAND-IN-1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from polaris.domain import cards
from polaris.models import Charger, ChargingSession, TransactionEvent, blocking, from_microseconds, to_microseconds
from polaris.ocpp_log.anonymize import Anonymizer
from polaris.ocpp_log.exchange import entries
from polaris.ocpp_log.files import IN, OPEN, OUT, Line, oldest_first, read, segments
from polaris.ocpp_log.filter import MessageFilter
from polaris.ocpp_log.message import CALL, SEND, parse

MARGIN = timedelta(minutes=2)
ANY = MessageFilter()


@dataclass(frozen=True, slots=True)
class _Selection:
    """The part of the log that belongs to a session."""

    identity: str
    subprotocol: str
    transaction_id: object  # as the charger's frames name it
    id_tag: str
    since: datetime
    until: datetime


def export(directory: Path, number: int, now: datetime) -> list[str]:
    """Return the lines of a session's file. Raise LookupError if there is no such session."""
    selection = _selection(number, now)
    lines = read(directory, selection.identity, to_microseconds(selection.since), to_microseconds(selection.until))
    return _file(of_session(lines, selection.transaction_id), selection.subprotocol, selection.id_tag)


def export_charger(
    directory: Path, identity: str, wanted: MessageFilter = ANY, since: datetime | None = None
) -> Iterator[str]:
    """Return the lines of a charger's file, one at a time. Raise LookupError if there is no such charger.

    The log is read twice: ids are collected before any is replaced. For each line of the log that adds none to the
    file there is "", so that whoever sends the file can take a break.
    """
    subprotocol = _subprotocol(identity)
    listed, since_us = segments(directory), 0 if since is None else to_microseconds(since)
    return _lines_of(lambda: oldest_first(listed, identity, since_us), wanted, subprotocol)


def _lines_of(read: Callable[[], Iterator[Line]], wanted: MessageFilter, subprotocol: str) -> Iterator[str]:
    anonymizer = Anonymizer("")
    for line in read():
        if line.direction in (IN, OUT):
            anonymizer.collect(line.frame)
        yield ""
    first_us: int | None = None
    for entry in entries(read()):
        line, begins_with = entry.line, entry if entry.begins else entry.other
        if begins_with is None or not wanted.matches(begins_with.exchange("")):
            yield ""
            continue
        if first_us is None:
            first_us = line.at_us
            opened = Line(line.at_us, line.identity, line.connection, OPEN, subprotocol)
            yield _first(line if line.direction == OPEN else opened, anonymizer)
            if line.direction == OPEN:
                continue
        yield _line(_written(line, first_us, anonymizer))


def _file(lines: list[Line], subprotocol: str, id_tag: str) -> list[str]:
    if not lines:
        return []
    if lines[0].direction != OPEN:
        lines.insert(0, Line(lines[0].at_us, lines[0].identity, lines[0].connection, OPEN, subprotocol))
    anonymizer = Anonymizer(id_tag, (line.frame for line in lines if line.direction in (IN, OUT)))
    rest = (_line(_written(line, lines[0].at_us, anonymizer)) for line in lines[1:])
    return [_first(lines[0], anonymizer), *rest]


@blocking
def _subprotocol(identity: str) -> str:
    charger = Charger.get_or_none(Charger.identity == identity.replace("\0", ""))
    if charger is None:
        raise LookupError(identity)
    return str(charger.protocol)


@blocking
def _selection(number: int, now: datetime) -> _Selection:
    session = ChargingSession.get_or_none(ChargingSession.number == number)
    if session is None:
        raise LookupError(number)
    charger = session.charger
    first_at, last_at = _received(session, now)
    return _Selection(
        charger.identity,
        charger.protocol,
        session.former_transaction_id or session.transaction_id or session.number,  # OCPP 2.x: the charger's own
        cards.typed(session.id_tag)[1],  # its frames have the type beside it
        first_at - MARGIN,
        last_at + MARGIN,
    )


def _received(session: ChargingSession, now: datetime) -> tuple[datetime, datetime]:
    """Return when a session's first and last messages arrived. In OCPP 2.x, its start may come after its end."""
    events = TransactionEvent.select(TransactionEvent.received_at).where(
        TransactionEvent.charger == session.charger_id, TransactionEvent.transaction_id == session.transaction_id
    )
    arrived = [session.start_received_at, session.end_received_at or now, *(event.received_at for event in events)]
    return min(arrived), max(arrived)


def of_session(lines: list[Line], transaction_id: object) -> list[Line]:
    """Leave out the lines that are about another transaction."""
    included = (None, transaction_id, -1)  # -1: the charger did not know the id (OCPP 1.6 errata 3.18)
    return [line for line, id_ in zip(lines, _transactions(lines), strict=True) if id_ in included]


def _transactions(lines: list[Line]) -> list[object]:
    """Return the id of each line's transaction: from the line itself, the call that it answers, or its answer."""
    ids: list[object] = []
    calls: dict[tuple[str, str], int] = {}
    for index, line in enumerate(lines):
        message = parse(line.frame)
        ids.append(None if message is None else _transaction(message.payload.value))
        if message is None:
            continue
        if message.type in (CALL, SEND):
            calls[line.connection, message.id] = index
        elif (call := calls.get((line.connection, message.id))) is not None:
            ids[call] = ids[index] = ids[index] if ids[call] is None else ids[call]
    return ids


def _transaction(payload: Mapping[str, object]) -> object:
    info = payload.get("transactionInfo")
    return info.get("transactionId") if isinstance(info, dict) else payload.get("transactionId")


def _first(line: Line, anonymizer: Anonymizer) -> str:
    at = from_microseconds(line.at_us).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _line({"at": at} | _written(line, line.at_us, anonymizer))


def _written(line: Line, first_us: int, anonymizer: Anonymizer) -> dict[str, object]:
    frame = anonymizer.replaced(line.frame) if line.direction in (IN, OUT) else line.frame
    offset_s = (line.at_us - first_us) / 1_000_000
    return {"offset_s": offset_s, "direction": line.direction, "frame": frame}


def _line(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False)
