"""Owns the recordings of chargers, `tests/recordings/*.jsonl`: their headers, and their instants moved to the present.

A recording is a file of `frames export` after a line with the header; docs/recordings.md describes both.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from simulator.replay import Step, load

FILES = sorted((Path(__file__).parents[1] / "recordings").glob("*.jsonl"))
SECOND = timedelta(seconds=1)
_INSTANT = re.compile(r"(?<!\d)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?!\d)")  # fractions and zones stay as they are written


@dataclass(frozen=True)
class Recording:
    """What a charger sent, and what is right: its sessions in order, and figures that none of them may show."""

    steps: list[Step]
    sessions: list[dict[str, Any]]
    never_wh: frozenset[int]


def read(path: Path, card: str, now: datetime, directory: Path) -> Recording:
    """Return a recording whose card is `card` and whose last frame was received `now`.

    All instants move by the same time, so that a clock that was wrong stays as wrong.
    """
    text = path.read_text("utf-8")
    _, first, *rest = map(json.loads, text.splitlines())
    last_at = datetime.fromisoformat(first["at"]) + timedelta(seconds=[first, *rest][-1]["offset_s"])
    shift = (now - last_at) // SECOND * SECOND
    copy = directory / path.name
    copy.write_text(_INSTANT.sub(lambda match: _moved(match.group(), shift), text), "utf-8")
    header = json.loads(copy.read_text("utf-8").partition("\n")[0])["recording"]
    return Recording(load(copy, card), header["sessions"], frozenset(header.get("never_wh", ())))


def _moved(instant: str, shift: timedelta) -> str:
    try:
        return (datetime.fromisoformat(instant) + shift).isoformat()
    except (ValueError, OverflowError):  # no such day, or too far away
        return instant
