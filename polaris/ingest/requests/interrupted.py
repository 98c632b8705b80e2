"""The running sessions that a command can interrupt, as of now."""

from __future__ import annotations

import json

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
    sessions = _sessions(charger_id, command)
    return () if agreed.issuperset(session.number for session in sessions) else sessions


def stored(agreed: frozenset[int] | None) -> str | None:
    """Return an agreement as its column has it."""
    return None if agreed is None else json.dumps(sorted(agreed))


def loaded(agreed: str | None) -> frozenset[int] | None:
    return None if agreed is None else frozenset(json.loads(agreed))


def _sessions(charger_id: int, command: ChargerCommand) -> tuple[InterruptedSession, ...]:
    is_running = (ChargingSession.charger == charger_id) & (ChargingSession.state == SessionState.ACTIVE)
    query = ChargingSession.select(ChargingSession, Account).join(Account, JOIN.LEFT_OUTER).where(is_running)
    return tuple(
        InterruptedSession(row.number, row.connector, row.account.email if row.account else "", row.effective_wh)
        for row in query.order_by(ChargingSession.number)
        if interruptions.interrupts(command, row.connector) and not row.is_idle_refusal
    )
