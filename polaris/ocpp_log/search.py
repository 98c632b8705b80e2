"""The search for a charger's messages, from the newest or from an instant backwards, within bounds.

The log's segments are read together, each time that one which has been read least far back, so that the lines of
several bridges come in order and one instant says how far all of them have been read.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from polaris.ocpp_log import blocks
from polaris.ocpp_log.exchange import Exchange, entries
from polaris.ocpp_log.files import Line, Segment, needle_of, segments
from polaris.ocpp_log.filter import MessageFilter
from polaris.ocpp_log.tail import Unavailable

MAX_SEARCHED_BYTES = (
    64_000_000  # of the log for a page; without it, a search for what is not there would read all of it
)
MAX_SEARCHED_LINES = 10_000  # of the charger, each of which is parsed
# Before a page's instant, later lines are read for the answers to its messages. A charger that takes longer is shown
# as one that has not answered yet.
ANSWERS_US = 30_000_000
MAX_FRAMES_LENGTH = 1_000_000  # characters of a page's frames, each of them cut


@dataclass(frozen=True, slots=True)
class Page:
    """The messages that were found, the newest first.

    `next_us` is the instant before which older ones are found; None if the log has been read to its beginning.
    With `is_cut_short`, the search has come to its bound there, and not to enough messages.
    """

    rows: tuple[Exchange, ...] = ()
    next_us: int | None = None
    is_cut_short: bool = False


def search(
    directory: Path | None, identity: str, wanted: MessageFilter, rows: int, before_us: int | None = None
) -> Page:
    """Find a charger's newest messages, or those before an instant. Raise `Unavailable` without a log."""
    if directory is None or not directory.is_dir():
        raise Unavailable
    if wanted.wrong:
        return Page()
    try:
        return _search(_Reader(directory, identity, before_us), wanted, rows, before_us)
    except OSError as error:
        raise Unavailable from error


def _search(reader: _Reader, wanted: MessageFilter, rows: int, before_us: int | None) -> Page:
    found: list[Exchange] = []
    room = MAX_FRAMES_LENGTH
    for entry in entries(reader.lines(), is_backwards=True):
        at_us = entry.line.at_us
        if not entry.begins or (before_us is not None and at_us >= before_us):
            continue
        if found and at_us != found[-1].at_us and (len(found) >= rows or room <= 0):
            return Page(tuple(found), found[-1].at_us)
        exchange = entry.exchange(f"{at_us}-{1 + sum(row.at_us == at_us for row in found)}")
        if len(found) < 2 * rows and wanted.matches(exchange):
            found.append(exchange.shortened())
            room -= len(found[-1].frame) + len(found[-1].answer_frame)
    return Page(tuple(found), reader.reached_us, is_cut_short=reader.reached_us is not None)


class _Source:
    """A segment that is read from its end. `reached_us` is an instant after which nothing of it is left to be read."""

    def __init__(self, segment: Segment, until_us: int | None) -> None:
        self.segment = segment
        self.reached_us = segment.changed_us if until_us is None else min(segment.changed_us, until_us)
        self._blocks = self._read(until_us)

    def _read(self, until_us: int | None) -> Iterator[tuple[int, bytes]]:
        with self.segment.path.open("rb") as file:
            size = self.segment.size
            yield from blocks.backwards(file, size if until_us is None else blocks.end_of(file, size, until_us))

    def block(self) -> bytes | None:
        """Return the next block, None at the segment's beginning."""
        try:
            start, data = next(self._blocks)
        except (StopIteration, FileNotFoundError):  # deleted by a bridge since the directory was read
            return None
        first_us = blocks.instant(data)
        if first_us is not None and start > 0:
            self.reached_us = min(self.reached_us, first_us)
        return data

    def __lt__(self, other: _Source) -> bool:
        return self.reached_us > other.reached_us


class _Reader:
    """A charger's lines from an instant backwards. `reached_us` is where its bounds have ended it, None if none has."""

    def __init__(self, directory: Path, identity: str, before_us: int | None) -> None:
        until_us = None if before_us is None else before_us + ANSWERS_US
        listed: Sequence[Segment] = segments(directory)
        self._needle = needle_of(identity)
        self._before_us = before_us
        self._sources = [_Source(each, until_us) for each in listed if until_us is None or each.began_us <= until_us]
        self._left_bytes, self._left_lines = MAX_SEARCHED_BYTES, MAX_SEARCHED_LINES
        self.reached_us: int | None = None

    def lines(self) -> Iterator[Line]:
        heapq.heapify(self._sources)
        waiting: list[tuple[int, int, Line]] = []  # the newest first
        number = 0
        while self._sources:
            source = self._sources[0]
            if self._left_bytes <= 0 or self._left_lines <= 0:
                self.reached_us = source.reached_us + 1  # all later lines were given out
                return
            data = self._next_block(source)
            for line in blocks.matching(data, self._needle):
                number -= 1  # of equal instants, what was written later comes first
                heapq.heappush(waiting, (-line.at_us, number, line))
            horizon_us = self._sources[0].reached_us if self._sources else -1
            while waiting and -waiting[0][0] > horizon_us:
                self._left_lines -= 1
                yield heapq.heappop(waiting)[2]

    def _next_block(self, source: _Source) -> bytes:
        is_counted = self._before_us is None or source.reached_us < self._before_us
        data = source.block()
        if data is None:
            heapq.heappop(self._sources)
            return b""
        heapq.heapreplace(self._sources, source)
        if is_counted:
            self._left_bytes -= len(data)
        return data
