"""The plan of one command for many chargers, as of now: who gets it, who does not, and why. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.commands.interruptions import InterruptedSession
from polaris.domain.enums import ChargerStatus
from polaris.domain.sentences import N_
from polaris.ingest.requests import interrupted
from polaris.models import Bridge, Charger, RowQuery, blocking, is_held

OFFLINE = N_("It is offline.")

BLOCKED = N_("It is blocked: unblock it first.")
RETIRED = N_("It is retired: unblock it first.")


@dataclass(frozen=True, slots=True)
class Planned:
    """A charger of a plan: excluded if there is a reason, else with the sessions that it may interrupt."""

    charger_id: int
    reason: str = ""
    sessions: frozenset[int] = frozenset()


class _Charger(NamedTuple):
    id: int
    status: str
    connection_id: str | None
    lease_until_at: datetime | None


_CHARGERS = RowQuery(
    _Charger,
    Charger,
    "SELECT {columns} FROM charger LEFT JOIN bridge ON bridge.id = charger.bridge_id WHERE charger.id IN ({marks})"
    " ORDER BY charger.id",
    lease_until_at=Bridge.lease_until_at,
)


@blocking
def plan(charger_ids: Sequence[int], command: ChargerCommand, now: datetime, *, may_interrupt: bool) -> list[Planned]:
    """Plan a command. `may_interrupt` includes the chargers on which it can interrupt the sessions of now."""
    running = interrupted.running_on(None, command)
    planned = []
    for charger in _CHARGERS.rows(charger_ids):
        numbers = frozenset(session.number for session in running.get(charger.id, ()))
        reason = _obstacle(charger, now) or (would_interrupt(numbers) if numbers and not may_interrupt else "")
        planned.append(Planned(charger.id, reason, frozenset() if reason else numbers))
    return planned


def would_interrupt(numbers: Iterable[int]) -> str:
    """Say which sessions exclude a charger. Their drivers are not named: the sentence is stored."""
    sessions = ", ".join(f"session {number}" for number in sorted(numbers))
    return f"It would interrupt {sessions}."


def begun_since(sessions: Iterable[InterruptedSession]) -> str:
    """Say which sessions nobody was shown exclude a charger when its turn comes."""
    return f"A session has begun since: {', '.join(session.place for session in sessions)}."


def out_of_service(status: str) -> str:
    """Say why a blocked or retired charger is left out, and what brings it back."""
    return BLOCKED if status == ChargerStatus.BLOCKED else RETIRED


def _obstacle(charger: _Charger, now: datetime) -> str:
    """Return why a charger cannot get a command now, "" if it can."""
    if charger.status != ChargerStatus.ACTIVE:
        return out_of_service(charger.status)
    return "" if is_held(charger.connection_id, charger.lease_until_at, now) else OFFLINE
