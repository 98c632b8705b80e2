"""What a charger sends as text, made fit for a column: bounded, and without the NUL that PostgreSQL refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping

LONGEST = 255


def fit(text: str, limit: int = LONGEST) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:limit]


def fit_json(payload: Mapping[str, object], limit: int = 65_536) -> str:
    """The payload as JSON; ASCII alone, so that lone surrogates and NULs are kept as their escapes."""
    return json.dumps(payload, default=str)[:limit]
