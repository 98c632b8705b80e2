"""A charger's log as exchanges: each message with its answer, and the opening and closing of connections."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from polaris.models import EPOCH
from polaris.ocpp_log.blocks import MAX_FRAME_LENGTH
from polaris.ocpp_log.files import CLOSE, IN, OPEN, OUT, Line
from polaris.ocpp_log.message import CALL, CALLERROR, CALLRESULT, Message, parse


class Kind(StrEnum):
    FROM_CHARGER = "from_charger"
    TO_CHARGER = "to_charger"
    OPENED = "opened"
    CLOSED = "closed"


_KINDS = {IN: Kind.FROM_CHARGER, OUT: Kind.TO_CHARGER, OPEN: Kind.OPENED, CLOSE: Kind.CLOSED}
_OPPOSITE = {Kind.FROM_CHARGER: Kind.TO_CHARGER, Kind.TO_CHARGER: Kind.FROM_CHARGER}
_ANSWERS = (CALLRESULT, CALLERROR)
REACH = 80  # lines of a charger between a call and its answer; it may have one call open in each direction


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

    @property
    def is_stray_answer(self) -> bool:
        """Whether it is an answer to a call that is not known."""
        return self.message is not None and self.message.type in _ANSWERS

    def shortened(self) -> Exchange:
        """Return the exchange with as much of its frames as is kept."""
        if max(len(self.frame), len(self.answer_frame)) <= MAX_FRAME_LENGTH:
            return self
        frame, answer_frame = self.frame[:MAX_FRAME_LENGTH], self.answer_frame[:MAX_FRAME_LENGTH]
        return replace(
            self,
            frame=frame,
            message=self.message and parse(frame, is_cut=True),
            answer=self.answer and parse(answer_frame, is_cut=True),
            answer_frame=answer_frame,
        )


@dataclass(slots=True, eq=False)
class Entry:
    """A line with its message, and the line that it answers or that answers it, once that was found."""

    line: Line
    kind: Kind
    message: Message | None
    other: Entry | None = None

    @property
    def is_call(self) -> bool:
        return self.message is not None and self.message.type == CALL

    @property
    def is_answer(self) -> bool:
        return self.message is not None and self.message.type in _ANSWERS

    @property
    def call_key(self) -> tuple[str, Kind, str] | None:
        """The connection, the sender of the call and the message id, which a call and its answers have in common."""
        if self.message is None or not (self.is_call or self.is_answer):
            return None
        return self.line.connection, self.kind if self.is_call else _OPPOSITE[self.kind], self.message.id

    @property
    def begins(self) -> bool:
        """Whether an exchange begins with the line: it is no answer, or one whose call is not known."""
        return not self.is_answer or self.other is None

    def exchange(self, key: str) -> Exchange:
        """Return the exchange that begins with the line."""
        line, answer = self.line, self.other
        answered = (None, "") if answer is None else (answer.message, answer.line.frame)
        return Exchange(key, line.at_us, self.kind, line.frame, self.message, *answered)


def entries(lines: Iterable[Line], *, is_backwards: bool = False) -> Iterator[Entry]:
    """Yield a charger's lines in their order, each linked to the call or the answer that is at most `REACH` lines away.

    An answer belongs to the last call before it that has its id.
    """
    waiting: deque[Entry] = deque()
    last: dict[tuple[str, Kind, str], Entry] = {}  # of those that wait
    for line in lines:
        entry = _entry(line)
        waiting.append(entry)
        key = entry.call_key
        if key is not None:
            _link(last.get(key), entry, is_backwards=is_backwards)
            last[key] = entry
        if len(waiting) > REACH:
            first = waiting.popleft()
            if first.call_key is not None and last.get(first.call_key) is first:
                del last[first.call_key]
            yield first
    yield from waiting


def _entry(line: Line) -> Entry:
    kind = _KINDS.get(line.direction, Kind.CLOSED)
    message = parse(line.frame, is_cut=len(line.frame) >= MAX_FRAME_LENGTH) if kind in _OPPOSITE else None
    return Entry(line, kind, message)


def _link(before: Entry | None, entry: Entry, *, is_backwards: bool) -> None:
    if before is None:
        return
    call, answer = (entry, before) if is_backwards else (before, entry)
    if call.is_call and answer.is_answer:
        call.other, answer.other = answer, call


def exchanges(lines: Iterable[Line]) -> list[Exchange]:
    """Return the exchanges in a charger's lines, in the order of their first lines."""
    per_instant: Counter[int] = Counter()
    exchanges_ = []
    for entry in entries(lines):
        if entry.begins:
            per_instant[entry.line.at_us] += 1
            exchanges_.append(entry.exchange(f"{entry.line.at_us}-{per_instant[entry.line.at_us]}"))
    return exchanges_
