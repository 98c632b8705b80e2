"""The log's files: segments of lines in one directory, written by any number of bridges, bounded in size and age.

A segment's name begins with the instant of its first frame. Each bridge deletes the oldest segments, its own or
others', until the bounds hold. Nothing is synced: a power cut may lose the last seconds.
"""

from __future__ import annotations

import heapq
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from polaris import private_file

OPEN, IN, OUT, CLOSE = "open", "in", "out", "close"  # directions; IN is from the charger
NO_PONG, SILENT = "no answer to a ping", "silent for too long"  # why the bridge closed a connection
SEGMENTS = 16  # of a full log at least: whole segments are deleted, and one must not be most of the log
MAX_SEGMENT_AGE_S = 3600.0  # so that old frames can be deleted in time
MAX_FILES = 4096  # a bridge that restarts in a loop would otherwise fill the directory with small files

_encoder = msgspec.json.Encoder()


class Line(msgspec.Struct, array_like=True, frozen=True):
    """A frame, or the opening or closing of a connection, whose `frame` is its subprotocol or why it was closed."""

    at_us: int
    identity: str
    connection: str
    direction: str
    frame: str


_decode = msgspec.json.Decoder(Line).decode


class LogFiles:
    """The log's files as one bridge writes them. Not thread-safe."""

    def __init__(self, directory: Path, owner: str, *, max_bytes: int, max_age_s: float) -> None:
        self._directory, self._owner = directory, owner
        self._max_bytes, self._max_age_s = max_bytes, max_age_s
        self._path: Path | None = None
        self._size, self._until_s = 0, 0.0
        for path in (directory, *(segment.path for segment in segments(directory))):
            private_file.tighten(path)

    def write(self, lines: Sequence[Line]) -> None:
        """Append lines. Raise OSError if the file cannot be written."""
        now_s = time.time()
        if self._path is None or self._size >= self._max_bytes // SEGMENTS or now_s >= self._until_s:
            self._begin(lines[0].at_us, now_s)
        assert self._path is not None
        data = _encoder.encode_lines(lines)
        try:
            with self._path.open("ab") as file:
                file.write(data)
        except OSError:
            os.truncate(self._path, self._size)  # of a disk that is full: half a line would spoil the next one
            raise
        self._size += len(data)

    def _begin(self, at_us: int, now_s: float) -> None:
        """Begin a segment, and delete old ones so that there is room for a whole segment."""
        private_file.make_directory(self._directory)  # frames contain cards' ids
        path = self._directory / f"{at_us:020d}-{self._owner}.jsonl"
        self._delete_oldest(now_s - self._max_age_s)
        path.touch(mode=0o600)
        self._path, self._size = path, 0
        self._until_s = now_s + min(MAX_SEGMENT_AGE_S, self._max_age_s)

    def _delete_oldest(self, oldest_s: float) -> None:
        left = self._max_bytes - self._max_bytes // SEGMENTS
        for count, (path, size, changed_s) in enumerate(reversed(segments(self._directory))):
            left -= size
            if (left < 0 or changed_s < oldest_s or count >= MAX_FILES) and path != self._path:
                path.unlink(missing_ok=True)


class Segment(NamedTuple):
    """A file of the log, with its size and time of change when the directory was read."""

    path: Path
    size: int
    changed_s: float

    @property
    def began_us(self) -> int:
        return int(self.path.name[:20])

    @property
    def changed_us(self) -> int:
        return int(self.changed_s * 1_000_000) + 1_000_000  # a file system's clock may be slow


def segments(directory: Path) -> list[Segment]:
    """Return the log's segments, the oldest first."""
    segments_ = []
    for path in sorted(directory.glob("[0-9]*.jsonl")):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue  # deleted by a bridge since the directory was read
        segments_.append(Segment(path, stat.st_size, stat.st_mtime))
    return segments_


def read(directory: Path, identity: str, since_us: int, until_us: int) -> list[Line]:
    """Return a charger's lines between two instants, in order. Incomplete lines are left out."""
    lines = [
        line
        for segment in segments(directory)
        if segment.began_us <= until_us and segment.changed_us >= since_us
        for line in _lines(segment.path, needle_of(identity))
        if since_us <= line.at_us <= until_us
    ]
    return sorted(lines, key=lambda line: line.at_us)


def oldest_first(listed: Sequence[Segment], identity: str, since_us: int) -> Iterator[Line]:
    """Yield a charger's lines in segments, as large as they were when they were listed, one at a time and in order.

    A segment is opened when its turn comes, so that neither memory nor open files grow with the log.
    """
    waiting: list[tuple[int, int, Line | None, Iterator[Line]]] = []
    for number, segment in enumerate(listed):
        if segment.changed_us >= since_us:
            lines = _lines(segment.path, needle_of(identity), segment.size)
            heapq.heappush(waiting, (segment.began_us, number, None, lines))
    while waiting:
        _, number, line, lines = waiting[0]
        if line is not None and line.at_us >= since_us:
            yield line
        following = next(lines, None)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (following.at_us, number, following, lines))


def needle_of(identity: str) -> bytes:
    """Return bytes that occur in all lines of a charger and in no others: quotation marks in frames are escaped."""
    return b",%b," % _encoder.encode(identity)


def line_of(text: bytes) -> Line | None:
    try:
        return _decode(text)
    except msgspec.MsgspecError:
        return None


def _lines(path: Path, needle: bytes, size: int = sys.maxsize) -> Iterator[Line]:
    try:
        with path.open("rb") as file:
            for text in file:
                size -= len(text)
                if size < 0:
                    return
                if needle in text and (line := line_of(text)) is not None:
                    yield line
    except FileNotFoundError:
        return  # deleted by a bridge since the directory was read
