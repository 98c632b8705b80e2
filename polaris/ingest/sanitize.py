"""Text from chargers, made fit for a column: bounded in length, and without the NUL that PostgreSQL refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping

from polaris.domain.raw_payload import RawPayload, read
from polaris.domain.spelling import printable

MAX_LENGTH = 255


def fit(text: str, limit: int = MAX_LENGTH) -> str:
    if not text.isascii() or "\0" in text:
        text = text.replace("\0", "").encode("utf-8", "replace").decode()
    return text[:limit]


def fit_line(text: str) -> str:
    """Return a text that is shown, and tells nothing by its exact characters, in one line."""
    return printable(fit(text))


def fit_json(payload: Mapping[str, object], limit: int | None = None) -> str:
    """Return the payload as JSON: as it was sent, or in ASCII, so that lone surrogates and NULs stay escaped.

    If it is longer than `limit`, return JSON that holds its beginning as a string. Frames are bounded without a limit.
    """
    text = payload.text if isinstance(payload, RawPayload) else json.dumps(payload, default=str)
    return text if limit is None or len(text) <= limit else json.dumps({"beginning": text[: limit // 2]})


def is_same_json(first: str, second: str) -> bool:
    """Whether two results of `fit_json` are equal as JSON."""
    return first == second or read(first) == read(second)
