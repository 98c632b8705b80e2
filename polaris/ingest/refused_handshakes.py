"""Refused handshakes, kept for an operator to accept; bounded, whoever knocks and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from peewee import fn

from polaris.models import UnrecognisedCharger
from polaris.pubsub import ChangeNotification

MAX_ROWS = 1000  # beyond it, who was away longest goes: a charger keeps trying, and comes back
MAX_ROWS_PER_ADDRESS = 100
KEPT = timedelta(days=30)


@dataclass(slots=True)
class RefusedHandshake:
    """Refused handshakes of one identity from one address, since they were last stored."""

    identity: str
    address: str
    offered: str
    key_hash: str
    key_version: int
    first_at: datetime
    last_at: datetime
    times: int = 1


def note(notifications: list[ChangeNotification], knocks: Sequence[RefusedHandshake], now: datetime) -> None:
    """Count them, and forget what is beyond the bounds."""
    for knock in knocks:
        if not _counted(knock) and _rows_of(knock.address) < MAX_ROWS_PER_ADDRESS:
            _insert(knock)
    UnrecognisedCharger.delete().where(UnrecognisedCharger.last_at < now - KEPT).execute()
    newest = UnrecognisedCharger.select(UnrecognisedCharger.id).order_by(
        UnrecognisedCharger.last_at.desc(), UnrecognisedCharger.id.desc()
    )
    UnrecognisedCharger.delete().where(UnrecognisedCharger.id.not_in(newest.limit(MAX_ROWS))).execute()


def _counted(knock: RefusedHandshake) -> bool:
    row = (UnrecognisedCharger.identity == knock.identity) & (UnrecognisedCharger.address == knock.address)
    values = {
        UnrecognisedCharger.offered: knock.offered,
        UnrecognisedCharger.key_hash: knock.key_hash,
        UnrecognisedCharger.key_version: knock.key_version,
        UnrecognisedCharger.last_at: knock.last_at,
        UnrecognisedCharger.times: UnrecognisedCharger.times + knock.times,
    }
    return bool(UnrecognisedCharger.update(values).where(row).execute())


def _rows_of(address: str) -> int:
    count: int = (
        UnrecognisedCharger.select(fn.COUNT(UnrecognisedCharger.id))
        .where(UnrecognisedCharger.address == address)
        .scalar()
    )
    return count


def _insert(knock: RefusedHandshake) -> None:
    UnrecognisedCharger.insert(
        identity=knock.identity,
        address=knock.address,
        offered=knock.offered,
        key_hash=knock.key_hash,
        key_version=knock.key_version,
        times=knock.times,
        first_at=knock.first_at,
        last_at=knock.last_at,
    ).on_conflict_ignore().execute()  # another bridge was first
