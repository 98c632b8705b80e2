"""Refused handshakes, stored for an operator to accept, and bounded however many come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from peewee import fn

from polaris.models import UnrecognisedCharger
from polaris.pubsub import ChangeNotification, records_changed

MAX_ROWS = 1000  # beyond it the row that is longest unchanged is deleted; a charger that keeps trying comes back
MAX_ROWS_PER_ADDRESS = 100  # without it one address with many invented identities would fill the table
MAX_AGE = timedelta(days=30)


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
    path: str = ""  # that was asked for last


def note(notifications: list[ChangeNotification], refused: Sequence[RefusedHandshake], now: datetime) -> None:
    """Count refused handshakes, and delete the rows beyond the bounds."""
    for handshake in refused:
        if not _is_counted(handshake) and _count_rows(handshake.address) < MAX_ROWS_PER_ADDRESS:
            _insert(handshake)
    UnrecognisedCharger.delete().where(UnrecognisedCharger.last_at < now - MAX_AGE).execute()
    newest = UnrecognisedCharger.select(UnrecognisedCharger.id).order_by(
        UnrecognisedCharger.last_at.desc(), UnrecognisedCharger.id.desc()
    )
    UnrecognisedCharger.delete().where(UnrecognisedCharger.id.not_in(newest.limit(MAX_ROWS))).execute()
    notifications += records_changed()


def _is_counted(handshake: RefusedHandshake) -> bool:
    """Add to the row of this identity and address; return whether there is one."""
    row = (UnrecognisedCharger.identity == handshake.identity) & (UnrecognisedCharger.address == handshake.address)
    values = {
        UnrecognisedCharger.offered: handshake.offered,
        UnrecognisedCharger.key_hash: handshake.key_hash,
        UnrecognisedCharger.key_version: handshake.key_version,
        UnrecognisedCharger.last_at: handshake.last_at,
        UnrecognisedCharger.path: handshake.path,
        UnrecognisedCharger.times: UnrecognisedCharger.times + handshake.times,
    }
    return bool(UnrecognisedCharger.update(values).where(row).execute())


def _count_rows(address: str) -> int:
    count: int = (
        UnrecognisedCharger.select(fn.COUNT(UnrecognisedCharger.id))
        .where(UnrecognisedCharger.address == address)
        .scalar()
    )
    return count


def _insert(handshake: RefusedHandshake) -> None:
    UnrecognisedCharger.insert(
        identity=handshake.identity,
        address=handshake.address,
        offered=handshake.offered,
        key_hash=handshake.key_hash,
        key_version=handshake.key_version,
        times=handshake.times,
        first_at=handshake.first_at,
        last_at=handshake.last_at,
        path=handshake.path,
    ).on_conflict_ignore().execute()  # another bridge may have inserted it
