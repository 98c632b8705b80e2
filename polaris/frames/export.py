"""A session's frames as a file: JSON lines of an offset in seconds, a direction and a frame, ready to be replayed.

In it are the frames of the session's charger from shortly before its start until shortly after its end, without those
that name another transaction. The ids of cards are replaced by stand-ins; the session's own card is STAND-IN-1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from polaris.frames.segments import IN, OPEN, OUT, Line, read
from polaris.frames.stand_ins import StandIns
from polaris.models import ChargingSession, blocking

MARGIN = timedelta(minutes=2)
CALL, CALLRESULT, SEND = 2, 3, 6


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
    lines = of_session(found, wanted.transaction_id)
    if not lines:
        return []
    if lines[0].direction != OPEN:
        lines.insert(0, Line(lines[0].at_us, wanted.identity, lines[0].connection, OPEN, wanted.subprotocol))
    stand_ins = StandIns(wanted.id_tag, (line.frame for line in lines if line.direction in (IN, OUT)))
    return [_written(line, lines[0].at_us, stand_ins) for line in lines]


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
    calls: dict[tuple[str, object], int] = {}
    for index, line in enumerate(lines):
        kind, message_id, payload = parts(line.frame)
        named.append(_transaction(payload))
        if kind in (CALL, SEND):
            calls[line.connection, message_id] = index
        elif (call := calls.get((line.connection, message_id))) is not None:
            named[call] = named[index] = named[index] if named[call] is None else named[call]
    return named


def parts(frame: str) -> tuple[object, object, dict[str, object]]:
    """A frame's type, message id and payload; nothing where it is not one that can be read."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None, None, {}
    if not isinstance(message, list) or len(message) < 3 or not isinstance(message[1], str):
        return None, None, {}
    payload = message[2] if message[0] == CALLRESULT else message[-1]
    return message[0], message[1], payload if isinstance(payload, dict) else {}


def _transaction(payload: dict[str, object]) -> object:
    info = payload.get("transactionInfo")
    return info.get("transactionId") if isinstance(info, dict) else payload.get("transactionId")


def _written(line: Line, first_us: int, stand_ins: StandIns) -> str:
    frame = stand_ins.replaced(line.frame) if line.direction in (IN, OUT) else line.frame
    offset_s = (line.at_us - first_us) / 1_000_000
    return json.dumps({"offset_s": offset_s, "direction": line.direction, "frame": frame}, ensure_ascii=False)


def _us(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
