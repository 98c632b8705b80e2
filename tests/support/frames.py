"""Owns a log of frames for tests: lines as a bridge writes them, one every millisecond up to now."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polaris.ocpp_log.files import CLOSE, IN, OPEN, OUT, Line, LogFiles


@dataclass
class FrameLog:
    """What one charger says and hears."""

    directory: Path
    identity: str

    def __post_init__(self) -> None:
        self._segments = LogFiles(self.directory, "bridge", max_bytes=16_000_000, max_age_s=3600)
        self._count = 0

    def opened(self, subprotocol: str = "ocpp1.6") -> None:
        self.write(OPEN, subprotocol)

    def closed(self) -> None:
        self.write(CLOSE, "")

    def said(self, action: str, payload: dict[str, Any], answer: dict[str, Any] | None = None) -> None:
        """A CALL of the charger's, and our answer to it, if any."""
        self._exchange(IN, OUT, action, payload, answer)

    def asked(self, action: str, payload: dict[str, Any], answer: dict[str, Any] | None = None) -> None:
        """A CALL of ours, and the charger's answer to it."""
        self._exchange(OUT, IN, action, payload, answer)

    def write(self, direction: str, frame: str, *, at_us: int | None = None) -> None:
        self._count += 1
        at_us = time.time_ns() // 1000 if at_us is None else at_us
        self._segments.write([Line(at_us + self._count, self.identity, "1", direction, frame)])

    def _exchange(
        self, asks: str, answers: str, action: str, payload: dict[str, Any], answer: dict[str, Any] | None
    ) -> None:
        self._count += 1
        message_id = f"m{self._count}"
        self.write(asks, json.dumps([2, message_id, action, payload]))
        if answer is not None:
            self.write(answers, json.dumps([3, message_id, answer]))
