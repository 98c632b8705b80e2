"""The newest lines of one charger: searched from the end of the log backwards, within bounds, and followed from there.

Results are kept for the few chargers that are being viewed, so that the next request reads only what was appended.
Called from several threads without a lock: kept results are replaced, never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from polaris.ocpp_log import blocks
from polaris.ocpp_log.files import Line, Segment, needle_of, segments

MAX_LINES = 80
MAX_CHARACTERS = 400_000  # kept of all frames of a charger
MAX_SEARCHED_BYTES = 64_000_000  # of the log; without it a silent charger's page would read all of it
MAX_APPENDED_BYTES = 8_000_000  # since the last request; if there is more, the log is searched from its end again
MAX_FOLLOWED = 32  # chargers whose results are kept; the log is searched for any other at each request


class Unavailable(Exception):
    """There is no log on this machine, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Tail:
    """A charger's newest lines, the oldest first, and the instant since which the log was searched for them."""

    lines: tuple[Line, ...] = ()
    searched_from_us: int | None = None  # None: since the log's beginning, or at least since the first of the lines


@dataclass(frozen=True, slots=True)
class _Followed:
    tail: Tail
    read_bytes: Mapping[str, int]  # of each segment, by its name


class Tails:
    """The newest lines of chargers in the log of `directory`; None if no log is kept."""

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self._followed: dict[str, _Followed] = {}

    def of(self, identity: str, until_us: int | None = None) -> Tail:
        """Return a charger's tail. The search begins at `until_us`, if given: nothing was received after it.

        Raise `Unavailable`.
        """
        if self.directory is None or not self.directory.is_dir():
            raise Unavailable
        try:
            followed = self._read(identity, segments(self.directory), until_us)
        except OSError as error:
            raise Unavailable from error
        self._keep(identity, followed)
        return followed.tail

    def _read(self, identity: str, listed: list[Segment], until_us: int | None) -> _Followed:
        followed = self._followed.get(identity)
        if followed is None or _appended_bytes(followed, listed) > MAX_APPENDED_BYTES:
            return _search(identity, listed, until_us)
        return _follow(followed, identity, listed)

    def _keep(self, identity: str, followed: _Followed) -> None:
        self._followed.pop(identity, None)
        self._followed[identity] = followed
        for oldest in list(self._followed)[:-MAX_FOLLOWED]:
            self._followed.pop(oldest, None)


def _appended_bytes(followed: _Followed, listed: Iterable[Segment]) -> int:
    return sum(segment.size - followed.read_bytes.get(segment.path.name, 0) for segment in listed)


def _follow(followed: _Followed, identity: str, listed: Iterable[Segment]) -> _Followed:
    """Read the complete lines that were appended; the last line may still be being written."""
    lines, read_bytes = list(followed.tail.lines), {}
    for segment in listed:
        name = segment.path.name
        read_bytes[name] = followed.read_bytes.get(name, 0)
        if segment.size > read_bytes[name]:
            data = _read(segment.path, read_bytes[name], segment.size)
            end = data.rfind(b"\n") + 1
            lines += _kept(data[:end], needle_of(identity))
            read_bytes[name] += end
    return _Followed(Tail(_newest(lines), followed.tail.searched_from_us), read_bytes)


def _search(identity: str, listed: Iterable[Segment], until_us: int | None) -> _Followed:
    """Search backwards, the segment that was written to last first, until there are enough lines."""
    lines: list[Line] = []
    left, from_us = MAX_SEARCHED_BYTES, 0
    for segment in sorted(listed, key=lambda segment: segment.changed_us, reverse=True):
        if until_us is not None and segment.began_us > until_us:
            continue
        if len(lines) >= MAX_LINES and lines[-MAX_LINES].at_us > segment.changed_us:
            break  # the segment has no newer lines
        if left <= 0:
            from_us = max(from_us, segment.changed_us)
            break
        matching, searched_from_us, left = _search_segment(segment, needle_of(identity), until_us, left)
        from_us = max(from_us, searched_from_us)
        lines = sorted([*matching, *lines], key=_at)
    tail = Tail(_newest(lines), from_us if from_us and len(lines) < MAX_LINES else None)
    return _Followed(tail, {segment.path.name: _whole_lines(segment) for segment in listed})


def _search_segment(segment: Segment, needle: bytes, until_us: int | None, left: int) -> tuple[list[Line], int, int]:
    """Return a segment's newest lines, the instant it was searched from (0: its beginning), and the bytes left."""
    lines: list[Line] = []
    with segment.path.open("rb") as file:
        end = segment.size if until_us is None else blocks.end_of(file, segment.size, until_us)
        for start, data in blocks.backwards(file, end):
            lines = _kept(data, needle) + lines
            left -= len(data)
            if start > 0 and (left <= 0 or len(lines) >= MAX_LINES):
                return lines, blocks.instant(data) or 0, left
    return lines, 0, left


def _whole_lines(segment: Segment) -> int:
    """Return a segment's size without the line that is still being written."""
    end = segment.size
    while end > 0:
        start = max(0, end - blocks.CHUNK_BYTES)
        newline = _read(segment.path, start, end).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _read(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def _kept(data: bytes, needle: bytes) -> list[Line]:
    return [blocks.shortened(line) for line in blocks.matching(data, needle)]


def _newest(lines: list[Line]) -> tuple[Line, ...]:
    """Return the newest lines within the bounds, the oldest first."""
    kept: list[Line] = []
    left = MAX_CHARACTERS
    for line in reversed(sorted(lines, key=_at)[-MAX_LINES:]):
        left -= len(line.frame)
        if left < 0:
            break
        kept.append(line)
    return tuple(reversed(kept))


def _at(line: Line) -> int:
    return line.at_us
