"""A charger's log as exchanges: each message with its answer, and the opening and closing of connections."""

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
_OPPOSITE = {Kind.FROM_CHARGER: Kind.TO_CHARGER, Kind.TO_CHARGER: Kind.FROM_CHARGER}
_ANSWERS = (CALLRESULT, CALLERROR)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message with its answer, once there is one. `key` is unique for the charger, and stable."""

    key: str
    at_us: int
    kind: Kind
    frame: str  # or the subprotocol of an opened connection
    message: Message | None  # None if the frame is not a valid message
    answer: Message | None = None
    answer_frame: str = ""

    @property
    def at(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.at_us)

    @property
    def wants_answer(self) -> bool:
        return self.message is not None and self.message.type == CALL


def exchanges(lines: Iterable[Line]) -> list[Exchange]:
    """Return the exchanges in a charger's lines, in the order of their first lines."""
    exchanges_: list[Exchange] = []
    unanswered: dict[tuple[str, Kind, str], int] = {}  # indexes of calls, by connection, sender and message id
    per_instant: Counter[int] = Counter()
    for line in lines:
        kind = _KINDS.get(line.direction, Kind.CLOSED)
        message = parse(line.frame, is_cut=len(line.frame) >= MAX_FRAME_LENGTH) if kind in _OPPOSITE else None
        if message is not None and message.type in _ANSWERS:
            index = unanswered.pop((line.connection, _OPPOSITE[kind], message.id), None)
            if index is not None:
                exchanges_[index] = replace(exchanges_[index], answer=message, answer_frame=line.frame)
                continue
        if message is not None and message.type == CALL:
            unanswered[line.connection, kind, message.id] = len(exchanges_)
        per_instant[line.at_us] += 1
        key = f"{line.at_us}-{per_instant[line.at_us]}"
        exchanges_.append(Exchange(key, line.at_us, kind, line.frame, message))
    return exchanges_
