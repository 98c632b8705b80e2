"""Blocks of the log's files, read from their end: complete lines, and those of one charger among them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from msgspec.structs import replace

from polaris.ocpp_log.files import Line, line_of

MAX_FRAME_LENGTH = 16_000  # characters kept of a frame; a charger may send megabytes
CHUNK_BYTES = 256 * 1024

_INSTANT = re.compile(rb"\[(\d{1,18}),")


def backwards(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield blocks of complete lines before `end`, the last block first, each with its offset."""
    rest = b""
    while end > 0:
        start = max(0, end - CHUNK_BYTES)
        file.seek(start)
        block = file.read(end - start) + rest
        cut = block.find(b"\n") + 1 if start > 0 else 0
        if start > 0 and cut == 0:
            rest = block
        else:
            rest = block[:cut]
            yield start + cut, block[cut:]
        end = start


def end_of(file: BinaryIO, size: int, until_us: int) -> int:
    """Return an offset at most a chunk behind the last line up to an instant. A segment's lines are in order."""
    low, high = 0, size
    while high - low > CHUNK_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        at_us = instant(file.readline())
        low, high = (middle, high) if at_us is not None and at_us <= until_us else (low, middle)
    return high


def matching(data: bytes, needle: bytes) -> Iterator[Line]:
    """Yield the lines of a block that have a charger's needle, whole."""
    at = data.find(needle)
    while at >= 0:
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        line = line_of(data[data.rfind(b"\n", 0, at) + 1 : end])
        if line is not None:
            yield line
        at = data.find(needle, end)


def shortened(line: Line) -> Line:
    """Return a line with as much of its frame as is kept."""
    return line if len(line.frame) <= MAX_FRAME_LENGTH else replace(line, frame=line.frame[:MAX_FRAME_LENGTH])


def instant(data: bytes) -> int | None:
    """Return the instant of the line that a block begins with."""
    match = _INSTANT.match(data)
    return None if match is None else int(match.group(1))
