"""A session's or a charger's frames as a file: JSON lines of an offset in seconds, a direction and a frame, to replay.

Of a session they are those of its charger from shortly before its start until shortly after its end, without those that
name another transaction. The ids of cards are replaced by stand-ins; a session's own card is STAND-IN-1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from polaris.models import Charger, ChargingSession, blocking
from polaris.ocpp_log.anonymize import Anonymizer
from polaris.ocpp_log.files import IN, OPEN, OUT, Line, read
from polaris.ocpp_log.message import CALL, SEND, parse

MARGIN = timedelta(minutes=2)
ALWAYS_US = 2**62


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to look for in the log."""

    identity: str
    subprotocol: str
    transaction_id: object  # as the charger's frames name it
    id_tag: str
    since: datetime
    until: datetime


def export(directory: Path, number: int, now: datetime) -> list[str]:
    """The lines of a session's file. Raise LookupError where there is no such session."""
    wanted = _wanted(number, now)
    found = read(directory, wanted.identity, _us(wanted.since), _us(wanted.until))
    return _file(of_session(found, wanted.transaction_id), wanted.subprotocol, wanted.id_tag)


def export_charger(directory: Path, identity: str, since: datetime | None = None) -> list[str]:
    """The lines of a charger's file. Raise LookupError where there is no such charger."""
    subprotocol = _subprotocol(identity)
    return _file(read(directory, identity, 0 if since is None else _us(since), ALWAYS_US), subprotocol)


def _file(lines: list[Line], subprotocol: str, id_tag: str = "") -> list[str]:
    if not lines:
        return []
    if lines[0].direction != OPEN:
        lines.insert(0, Line(lines[0].at_us, lines[0].identity, lines[0].connection, OPEN, subprotocol))
    stand_ins = Anonymizer(id_tag, (line.frame for line in lines if line.direction in (IN, OUT)))
    return [_written(line, lines[0].at_us, stand_ins) for line in lines]


@blocking
def _subprotocol(identity: str) -> str:
    charger = Charger.get_or_none(Charger.identity == identity.replace("\0", ""))
    if charger is None:
        raise LookupError(identity)
    return str(charger.protocol)


@blocking
def _wanted(number: int, now: datetime) -> _Wanted:
    session = ChargingSession.get_or_none(ChargingSession.number == number)
    if session is None:
        raise LookupError(number)
    charger = session.charger
    return _Wanted(
        charger.identity,
        charger.protocol,
        session.transaction_id or session.number,  # OCPP 2.x: the charger's own name for it
        session.id_tag,
        session.start_received_at - MARGIN,
        (session.end_received_at or now) + MARGIN,
    )


def of_session(lines: list[Line], transaction_id: object) -> list[Line]:
    """Leave out what is about another transaction."""
    ours = (None, transaction_id, -1)  # -1: the charger did not know it (errata 3.18)
    return [line for line, named in zip(lines, _transactions(lines), strict=True) if named in ours]


def _transactions(lines: list[Line]) -> list[object]:
    """The transaction that each line is about: named in it, or in the call that it answers, or in its answer."""
    named: list[object] = []
    calls: dict[tuple[str, str], int] = {}
    for index, line in enumerate(lines):
        message = parse(line.frame)
        named.append(None if message is None else _transaction(message.payload.value))
        if message is None:
            continue
        if message.type in (CALL, SEND):
            calls[line.connection, message.id] = index
        elif (call := calls.get((line.connection, message.id))) is not None:
            named[call] = named[index] = named[index] if named[call] is None else named[call]
    return named


def _transaction(payload: Mapping[str, object]) -> object:
    info = payload.get("transactionInfo")
    return info.get("transactionId") if isinstance(info, dict) else payload.get("transactionId")


def _written(line: Line, first_us: int, stand_ins: Anonymizer) -> str:
    frame = stand_ins.replaced(line.frame) if line.direction in (IN, OUT) else line.frame
    offset_s = (line.at_us - first_us) / 1_000_000
    return json.dumps({"offset_s": offset_s, "direction": line.direction, "frame": frame}, ensure_ascii=False)


def _us(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
