"""Whom a command can interrupt, and what is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from polaris.domain.commands import catalog as kinds
from polaris.domain.commands import interruptions, values
from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.commands.interruptions import InterruptedSession

AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def profile(limit: float) -> values.ChargingProfile:
    return values.ChargingProfile(1, values.Purpose.DEFAULT, values.Unit.WATTS, (values.Period(0, limit),))


@pytest.mark.parametrize(
    ("command", "connectors"),
    [
        (kinds.Reset(), {1, 2}),
        (kinds.Reset(connector=2), {2}),
        (kinds.Unlock(1), {1}),
        (kinds.Unlock(1002), {2}),  # the second connector of EVSE 2, whose session is on its first
        (kinds.SetAvailability(values.Availability.UNAVAILABLE), {1, 2}),
        (kinds.SetAvailability(values.Availability.UNAVAILABLE, 1), {1}),
        (kinds.SetAvailability(values.Availability.AVAILABLE), set()),
        (kinds.UpdateFirmware("https://x.example/1", AT), {1, 2}),
        (kinds.SetChargingProfile(profile(0), 1), {1}),
        (kinds.SetChargingProfile(profile(6)), set()),
        (kinds.StartCharging("CARD"), set()),
        (kinds.ChangeKey(), set()),
    ],
)
def test_reach(command: ChargerCommand, connectors: set[int]) -> None:
    assert {number for number in (1, 2) if interruptions.interrupts(command, number)} == connectors
    assert interruptions.can_interrupt(command) == bool(connectors)


def test_question_names_sessions() -> None:
    sessions = [InterruptedSession(7, 1, "ada@example.com", 12_340), InterruptedSession(8, 2, "", None)]
    assert interruptions.question(sessions) == (
        "This can interrupt:\n"
        "- session 7 on connector 1: ada@example.com, 12.34 kWh\n"
        "- session 8 on connector 2: driver not known, energy not known\n"
        "Send it all the same?"
    )
    assert interruptions.begun_meanwhile(sessions) == (  # without drivers: an electrician may read it
        "It was not sent, since it could interrupt what began meanwhile: "
        "session 7 on connector 1; session 8 on connector 2."
    )
