"""Instants as whole microseconds since 1970 UTC: how they are stored and counted with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# Written out, since every reading is converted several times: dividing timedeltas takes three times as long.
def to_microseconds(at: datetime) -> int:
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(microseconds: int) -> datetime:
    return EPOCH + timedelta(0, microseconds // 1_000_000, microseconds % 1_000_000)
