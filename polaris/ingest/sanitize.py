"""What a charger sends as text, made fit for a column: bounded, and without the NUL that PostgreSQL refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping

from polaris.domain.raw_payload import Sent, read

MAX_LENGTH = 255


def fit(text: str, limit: int = MAX_LENGTH) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:limit]


def fit_json(payload: Mapping[str, object], limit: int | None = None) -> str:
    """The payload as JSON: as it was sent, or in ASCII alone, so that lone surrogates and NULs stay as their escapes.

    Past `limit` it is JSON that holds the beginning as text. Without one it is whole: frames are bounded already.
    """
    text = payload.text if isinstance(payload, Sent) else json.dumps(payload, default=str)
    return text if limit is None or len(text) <= limit else json.dumps({"beginning": text[: limit // 2]})


def same_json(first: str, second: str) -> bool:
    """Whether two texts of `fit_json` say the same."""
    return first == second or read(first) == read(second)
