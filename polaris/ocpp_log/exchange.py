"""A charger's lines as a person reads them: each message with its answer, and where connections began and ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from polaris.models import EPOCH
from polaris.ocpp_log.files import CLOSE, IN, OPEN, OUT, Line
from polaris.ocpp_log.message import CALL, CALLERROR, CALLRESULT, Message, parse
from polaris.ocpp_log.tail import MAX_FRAME_LENGTH


class Kind(StrEnum):
    FROM_CHARGER = "from_charger"
    TO_CHARGER = "to_charger"
    OPENED = "opened"
    CLOSED = "closed"


_KINDS = {IN: Kind.FROM_CHARGER, OUT: Kind.TO_CHARGER, OPEN: Kind.OPENED, CLOSE: Kind.CLOSED}
_ASKED = {Kind.FROM_CHARGER: Kind.TO_CHARGER, Kind.TO_CHARGER: Kind.FROM_CHARGER}  # whose call an answer answers
_ANSWERS = (CALLRESULT, CALLERROR)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message with its answer, if there is one yet. `key` names it among the charger's, and stays."""

    key: str
    at_us: int
    kind: Kind
    frame: str  # of an opened connection, its subprotocol
    message: Message | None  # None where the frame is no message
    answer: Message | None = None
    answer_frame: str = ""

    @property
    def at(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.at_us)

    @property
    def wants_answer(self) -> bool:
        return self.message is not None and self.message.type == CALL


def exchanges(lines: Iterable[Line]) -> list[Exchange]:
    """The exchanges of a charger's lines, in the order of their first lines."""
    found: list[Exchange] = []
    calls: dict[tuple[str, Kind, str], int] = {}  # where those are that wait for an answer
    times: Counter[int] = Counter()
    for line in lines:
        kind = _KINDS.get(line.direction, Kind.CLOSED)
        message = parse(line.frame, is_cut=_is_cut(line.frame)) if kind in _ASKED else None
        if message is not None and message.type in _ANSWERS:
            index = calls.pop((line.connection, _ASKED[kind], message.id), None)
            if index is not None:
                found[index] = replace(found[index], answer=message, answer_frame=line.frame)
                continue
        if message is not None and message.type == CALL:
            calls[line.connection, kind, message.id] = len(found)
        times[line.at_us] += 1
        found.append(Exchange(f"{line.at_us}-{times[line.at_us]}", line.at_us, kind, line.frame, message))
    return found


def _is_cut(frame: str) -> bool:
    return len(frame) >= MAX_FRAME_LENGTH
