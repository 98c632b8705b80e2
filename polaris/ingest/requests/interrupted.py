"""The running sessions that a command can interrupt, as of now."""

from __future__ import annotations

import json
from collections.abc import Sequence

from peewee import JOIN

from polaris.domain.commands import interruptions
from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.commands.interruptions import InterruptedSession
from polaris.domain.enums import SessionState
from polaris.models import Account, ChargingSession


def not_agreed(
    charger_id: int, command: ChargerCommand, agreed: frozenset[int] | None
) -> tuple[InterruptedSession, ...]:
    """Return the sessions that a command can interrupt, if any of them was not agreed to; None agrees to all."""
    if agreed is None or not interruptions.can_interrupt(command):
        return ()
    sessions = running_on([charger_id], command).get(charger_id, ())
    return () if agreed.issuperset(session.number for session in sessions) else sessions


def stored(agreed: frozenset[int] | None) -> str | None:
    """Return an agreement as its column has it."""
    return None if agreed is None else json.dumps(sorted(agreed))


def loaded(agreed: str | None) -> frozenset[int] | None:
    return None if agreed is None else frozenset(json.loads(agreed))


def running_on(charger_ids: Sequence[int] | None, command: ChargerCommand) -> dict[int, tuple[InterruptedSession, ...]]:
    """Return the sessions that a command can interrupt, by charger: of these, or of all."""
    if not interruptions.can_interrupt(command):
        return {}
    is_running = ChargingSession.state == SessionState.ACTIVE
    if charger_ids is not None:
        is_running &= ChargingSession.charger.in_(charger_ids)
    query = ChargingSession.select(ChargingSession, Account).join(Account, JOIN.LEFT_OUTER).where(is_running)
    found: dict[int, tuple[InterruptedSession, ...]] = {}
    for row in query.order_by(ChargingSession.number):
        if interruptions.interrupts(command, row.connector) and not row.is_idle_refusal:
            driver = row.account.email if row.account else ""
            session = InterruptedSession(row.number, row.connector, driver, row.effective_wh)
            found[row.charger_id] = (*found.get(row.charger_id, ()), session)
    return found
