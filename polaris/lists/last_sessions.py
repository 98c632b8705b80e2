"""The newest session of each of some accounts or cards, by one look-up in an index for each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import Field, fn

from polaris.domain.enums import SessionState
from polaris.models import Account, Charger, ChargingSession, EvCard


@dataclass(frozen=True, slots=True)
class LastSession:
    """A session as a line of its account or card: where, and since when."""

    number: int
    started_at: datetime
    charger: str  # identity
    charger_name: str
    is_active: bool


def of_accounts(ids: Collection[int]) -> dict[int, LastSession]:
    """Return the newest session of those of the accounts that have any. The caller has a connection."""
    return _newest(Account.id, ChargingSession.account, ids)


def of_cards(id_tags: Collection[str]) -> dict[str, LastSession]:
    """Return the newest session that was started with each of the cards. The caller has a connection."""
    return _newest(EvCard.id_tag, ChargingSession.id_tag, id_tags)


def _newest(key: Field, of_session: Field, keys: Collection[Any]) -> dict[Any, LastSession]:
    """Look up the greatest number of each key, since grouping would read all sessions of each."""
    greatest = ChargingSession.select(fn.MAX(ChargingSession.number)).where(of_session == key)
    found = key.model.select(key, greatest).where(key.in_(list(keys))).tuples() if keys else ()
    numbers = {value: int(number) for value, number in found if number is not None}  # peewee makes it a text
    if not numbers:
        return {}
    query = ChargingSession.select(ChargingSession, Charger).join(Charger)
    rows = query.where(ChargingSession.number.in_(list(numbers.values())))
    sessions = {row.number: _session(row) for row in rows}
    return {value: sessions[number] for value, number in numbers.items() if number in sessions}


def _session(row: ChargingSession) -> LastSession:
    charger = row.charger
    is_active = row.state == SessionState.ACTIVE
    return LastSession(row.number, row.started_at, charger.identity, charger.name or charger.identity, is_active)
