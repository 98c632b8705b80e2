"""Whom a command can interrupt: by its type, and by the connectors on which sessions run.

A front names these sessions and asks once more. What was agreed to is kept with the command, so that a session that
begins later is not interrupted by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from polaris.domain import connectors
from polaris.domain.commands.catalog import (
    ChargerCommand,
    Reset,
    SetAvailability,
    SetChargingProfile,
    Unlock,
    UpdateFirmware,
)
from polaris.domain.commands.values import Availability
from polaris.domain.sentences import Sentence, say, together

WHOLE_CHARGER = 0

# The connector on which a command can interrupt a session, or the whole charger; None: it interrupts nobody.
_REACH: Mapping[type[ChargerCommand], Callable[[Any], int | None]] = {
    Reset: lambda command: command.connector,
    Unlock: lambda command: command.connector,
    SetAvailability: lambda command: command.connector if command.availability is Availability.UNAVAILABLE else None,
    UpdateFirmware: lambda _: WHOLE_CHARGER,
    SetChargingProfile: lambda command: (
        command.connector if any(period.limit == 0 for period in command.profile.periods) else None
    ),
}


@dataclass(frozen=True, slots=True)
class InterruptedSession:
    """A session that a command can interrupt. `driver` is "" if nobody's card started it."""

    number: int
    connector: int
    driver: str
    energy_wh: int | None

    @property
    def place(self) -> Sentence:
        """Name the session without its driver, for an electrician."""
        return say("session %(number)s on connector %(connector)s", number=self.number, connector=self.connector)

    @property
    def whose(self) -> Sentence:
        return together(self.place, self.driver or say("driver not known"), between=": ")

    @property
    def words(self) -> Sentence:
        kwh = say("energy not known") if self.energy_wh is None else f"{round(self.energy_wh, -1) / 1000:.2f} kWh"
        return together(self.whose, kwh, between=", ")


def interrupts(command: ChargerCommand, connector: int) -> bool:
    """Return whether a command can interrupt a session on a connector. In OCPP 2.x a session is its whole EVSE's."""
    reach = _REACH.get(type(command), lambda _: None)(command)
    return reach is not None and (reach == WHOLE_CHARGER or connectors.evse_id(reach) == connectors.evse_id(connector))


def can_interrupt(command: ChargerCommand) -> bool:
    """Return whether there are sessions that a command could interrupt."""
    return _REACH.get(type(command), lambda _: None)(command) is not None


def is_interrupting(kind: type[ChargerCommand]) -> bool:
    """Return whether there are commands of a type that could interrupt a session."""
    return kind in _REACH


def question(sessions: Iterable[InterruptedSession]) -> str:
    """Ask whether to send a command that can interrupt these sessions."""
    lines = [f"- {session.words}" for session in sessions]
    return "\n".join(["This can interrupt:", *lines, "Send it all the same?"])


def begun_meanwhile(sessions: Iterable[InterruptedSession]) -> str:
    """Say why a command was not sent: it would have interrupted sessions that nobody was asked about.

    It names no driver: it is kept with the command, and an electrician may read it.
    """
    return (
        f"It was not sent, since it could interrupt what began meanwhile: {'; '.join(each.place for each in sessions)}."
    )
