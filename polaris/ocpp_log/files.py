"""The log's files: segments of lines in one directory, written by any number of bridges, bounded by size and by age.

A segment's name begins with the instant of its first frame. Whoever writes deletes the oldest segments, its own or
another bridge's, until the bounds hold. Nothing is synced: a power cut may take the last moments.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

OPEN, IN, OUT, CLOSE = "open", "in", "out", "close"  # of a connection's life; in is what the charger said
PARTS = 16  # a segment is this part of the whole log at most
MAX_FILE_AGE_S = 3600.0
MAX_FILES = 4096  # of a bridge that is started again and again

_encoder = msgspec.json.Encoder()


class Line(msgspec.Struct, array_like=True, frozen=True):
    """A frame, or the beginning or end of a connection: then `frame` is its subprotocol, or empty."""

    at_us: int
    identity: str
    connection: str
    direction: str
    frame: str


_decode = msgspec.json.Decoder(Line).decode


class LogFiles:
    """The log as one bridge writes it. One thread at a time."""

    def __init__(self, directory: Path, owner: str, *, most_bytes: int, most_age_s: float) -> None:
        self._directory, self._owner = directory, owner
        self._most_bytes, self._most_age_s = most_bytes, most_age_s
        self._path: Path | None = None
        self._size, self._until_s = 0, 0.0

    def write(self, lines: Sequence[Line]) -> None:
        """Append lines. Raise OSError where that cannot be done."""
        now_s = time.time()
        if self._path is None or self._size >= self._most_bytes // PARTS or now_s >= self._until_s:
            self._begin(lines[0].at_us, now_s)
        assert self._path is not None
        data = _encoder.encode_lines(lines)
        with self._path.open("ab") as file:
            file.write(data)
        self._size += len(data)

    def _begin(self, at_us: int, now_s: float) -> None:
        """Begin a segment, and delete what is beyond the bounds with room for a whole one."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # cards' ids are nobody else's business
        self._path = self._directory / f"{at_us:020d}-{self._owner}.jsonl"
        self._path.touch(mode=0o600)
        self._size, self._until_s = 0, now_s + min(MAX_FILE_AGE_S, self._most_age_s)
        self._delete_oldest(now_s - self._most_age_s)

    def _delete_oldest(self, oldest_s: float) -> None:
        left = self._most_bytes - self._most_bytes // PARTS
        for count, (path, size, changed_s) in enumerate(reversed(segments(self._directory))):
            left -= size
            if (left < 0 or changed_s < oldest_s or count >= MAX_FILES) and path != self._path:
                path.unlink(missing_ok=True)


class Segment(NamedTuple):
    """A file of the log, as it was when it was looked at."""

    path: Path
    size: int
    changed_s: float

    @property
    def began_us(self) -> int:
        return int(self.path.name[:20])

    @property
    def changed_us(self) -> int:
        return int(self.changed_s * 1_000_000) + 1_000_000  # a file system's clock may be a little behind


def segments(directory: Path) -> list[Segment]:
    """The log's segments, the oldest first."""
    found = []
    for path in sorted(directory.glob("[0-9]*.jsonl")):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue  # deleted by a bridge meanwhile
        found.append(Segment(path, stat.st_size, stat.st_mtime))
    return found


def read(directory: Path, identity: str, since_us: int, until_us: int) -> list[Line]:
    """A charger's lines between two instants, in their order. A line that was cut short is left out."""
    lines = [
        line
        for segment in segments(directory)
        if segment.began_us <= until_us and segment.changed_us >= since_us
        for line in _lines(segment.path, needle_of(identity))
        if since_us <= line.at_us <= until_us
    ]
    return sorted(lines, key=lambda line: line.at_us)


def needle_of(identity: str) -> bytes:
    """What is in every line of a charger and in no other line: a frame's own quotation marks are escaped."""
    return b",%b," % _encoder.encode(identity)


def line_of(text: bytes) -> Line | None:
    try:
        return _decode(text)
    except msgspec.MsgspecError:
        return None


def _lines(path: Path, needle: bytes) -> Iterator[Line]:
    try:
        with path.open("rb") as file:
            for text in file:
                if needle in text and (line := line_of(text)) is not None:
                    yield line
    except FileNotFoundError:
        return  # deleted by a bridge since it was listed
