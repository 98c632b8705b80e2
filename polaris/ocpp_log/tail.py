"""The newest lines of one charger: found from the end of the log backwards, within bounds, and followed from there.

What was found is kept for the few chargers that somebody looks at, so that looking again costs only what the log has
gained meanwhile. It is called from several threads and takes no lock: what it keeps is replaced, never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from polaris.ocpp_log.files import Line, Segment, line_of, needle_of, segments

MAX_LINES = 80
MAX_FRAME_LENGTH = 16_000  # characters that are kept of a frame
MAX_CHARACTERS = 400_000  # of all the frames of a charger that are kept
LOOK_BACK = 64_000_000  # bytes of the log
FOLLOW = 8_000_000  # bytes that the log has gained; beyond them its end is searched anew
MAX_FOLLOWED = 32  # chargers; another's lines are looked for anew each time
CHUNK = 256 * 1024

_INSTANT = re.compile(rb"\[(\d{1,18}),")


class Unavailable(Exception):
    """There is no log on this machine, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Tail:
    """A charger's newest lines, the oldest first, and since when the log was searched for them."""

    lines: tuple[Line, ...] = ()
    searched_from_us: int | None = None  # None: from its beginning, or as far back as the first of all these lines


@dataclass(frozen=True, slots=True)
class _Followed:
    tail: Tail
    read: Mapping[str, int]  # how far each segment was read, by its name


class Tails:
    """The newest lines of chargers in the log of `directory`; None where no log is kept."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._followed: dict[str, _Followed] = {}

    def of(self, identity: str, until_us: int | None = None) -> Tail:
        """A charger's tail. It was not heard of after `until_us`, if that is given: there the search begins.

        Raise `Unavailable`.
        """
        if self._directory is None or not self._directory.is_dir():
            raise Unavailable
        try:
            found = self._found(identity, segments(self._directory), until_us)
        except OSError as error:
            raise Unavailable from error
        self._keep(identity, found)
        return found.tail

    def _found(self, identity: str, there: list[Segment], until_us: int | None) -> _Followed:
        known = self._followed.get(identity)
        if known is None or _gained(known, there) > FOLLOW:
            return _search(identity, there, until_us)
        return _follow(known, identity, there)

    def _keep(self, identity: str, found: _Followed) -> None:
        self._followed.pop(identity, None)
        self._followed[identity] = found
        for oldest in list(self._followed)[:-MAX_FOLLOWED]:
            self._followed.pop(oldest, None)


def _gained(known: _Followed, there: Iterable[Segment]) -> int:
    return sum(segment.size - known.read.get(segment.path.name, 0) for segment in there)


def _follow(known: _Followed, identity: str, there: Iterable[Segment]) -> _Followed:
    """Read what came since: whole lines, as the last may still be being written."""
    lines, read = list(known.tail.lines), {}
    for segment in there:
        name = segment.path.name
        read[name] = known.read.get(name, 0)
        if segment.size > read[name]:
            data = _read(segment.path, read[name], segment.size)
            end = data.rfind(b"\n") + 1
            lines += _matching(data[:end], needle_of(identity))
            read[name] += end
    return _Followed(Tail(_newest(lines), known.tail.searched_from_us), read)


def _search(identity: str, there: Iterable[Segment], until_us: int | None) -> _Followed:
    """Search backwards, the segment that was written to last first, until there are lines enough."""
    lines: list[Line] = []
    left, from_us = LOOK_BACK, 0
    for segment in sorted(there, key=lambda segment: segment.changed_us, reverse=True):
        if until_us is not None and segment.began_us > until_us:
            continue
        if len(lines) >= MAX_LINES and lines[-MAX_LINES].at_us > segment.changed_us:
            break  # nothing in it is newer than what was found
        if left <= 0:
            from_us = max(from_us, segment.changed_us)
            break
        mine, begun_us, left = _search_one(segment, needle_of(identity), until_us, left)
        from_us = max(from_us, begun_us)
        lines = sorted([*mine, *lines], key=_at)
    tail = Tail(_newest(lines), from_us if from_us and len(lines) < MAX_LINES else None)
    return _Followed(tail, {segment.path.name: _whole_lines(segment) for segment in there})


def _search_one(segment: Segment, needle: bytes, until_us: int | None, left: int) -> tuple[list[Line], int, int]:
    """A segment's newest lines, the instant that it was searched from (0: its beginning), and the bytes still left."""
    lines: list[Line] = []
    with segment.path.open("rb") as file:
        end = segment.size if until_us is None else _end(file, segment.size, until_us)
        for start, data in _backwards(file, end):
            lines = _matching(data, needle) + lines
            left -= len(data)
            if start > 0 and (left <= 0 or len(lines) >= MAX_LINES):
                return lines, _instant(data) or 0, left
    return lines, 0, left


def _backwards(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Blocks of lines before `end` and where they begin, the last block first."""
    rest = b""
    while end > 0:
        start = max(0, end - CHUNK)
        file.seek(start)
        block = file.read(end - start) + rest
        cut = block.find(b"\n") + 1 if start > 0 else 0
        if start > 0 and cut == 0:
            rest = block
        else:
            rest = block[:cut]
            yield start + cut, block[cut:]
        end = start


def _end(file: BinaryIO, size: int, until_us: int) -> int:
    """About where the lines after an instant begin: those of a segment are in their order."""
    low, high = 0, size
    while high - low > CHUNK:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        at_us = _instant(file.readline())
        low, high = (middle, high) if at_us is not None and at_us <= until_us else (low, middle)
    return high


def _whole_lines(segment: Segment) -> int:
    """How far it goes without the line that is being written."""
    end = segment.size
    while end > 0:
        start = max(0, end - CHUNK)
        newline = _read(segment.path, start, end).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _read(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def _matching(data: bytes, needle: bytes) -> list[Line]:
    lines = []
    at = data.find(needle)
    while at >= 0:
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        line = line_of(data[data.rfind(b"\n", 0, at) + 1 : end])
        if line is not None:
            lines.append(
                line if len(line.frame) <= MAX_FRAME_LENGTH else replace(line, frame=line.frame[:MAX_FRAME_LENGTH])
            )
        at = data.find(needle, end)
    return lines


def _newest(lines: list[Line]) -> tuple[Line, ...]:
    """The newest of them, within the bounds, the oldest first."""
    kept: list[Line] = []
    left = MAX_CHARACTERS
    for line in reversed(sorted(lines, key=_at)[-MAX_LINES:]):
        left -= len(line.frame)
        if left < 0:
            break
        kept.append(line)
    return tuple(reversed(kept))


def _instant(data: bytes) -> int | None:
    found = _INSTANT.match(data)
    return None if found is None else int(found.group(1))


def _at(line: Line) -> int:
    return line.at_us
