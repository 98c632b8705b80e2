"""Conditions of a charging profile that no JSON schema states (OCPP 1.6 §3.13, §5.11, §5.16; 2.x F01, K01).

A charger refuses a profile that breaks one, and does not say why. The conditions are the same in all versions.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from polaris.domain.commands.values import ChargingProfile, ProfileKind, Purpose
from polaris.domain.sentences import say

# What must not be, and the sentence for it.
_ALWAYS: tuple[tuple[Callable[[ChargingProfile], bool], str], ...] = (
    (lambda p: p.periods[0].starts_s != 0, say("The first period starts at 0.")),  # K01.FR.31
    (
        lambda p: any(later.starts_s <= earlier.starts_s for earlier, later in pairwise(p.periods)),
        say("Each period starts later than the one before it."),  # K01.FR.35
    ),
    (
        lambda p: p.kind is ProfileKind.RECURRING and (p.recurrency is None or p.starts_at is None),
        say("A recurring profile has a recurrency, and starts_at."),  # K01.FR.40
    ),
    (
        lambda p: p.kind is not ProfileKind.RECURRING and p.recurrency is not None,
        say("Only a recurring profile has a recurrency."),
    ),
    (
        lambda p: p.kind is ProfileKind.RELATIVE and p.starts_at is not None,
        say("A relative profile starts with the session, and has no starts_at."),  # K01.FR.41
    ),
    (
        lambda p: p.kind is ProfileKind.RELATIVE and p.purpose is Purpose.CHARGER,
        say("A profile of the whole charger cannot be relative: it belongs to no session."),  # K01.FR.38
    ),
    (
        lambda p: p.valid_from_at is not None and p.valid_to_at is not None and p.valid_from_at >= p.valid_to_at,
        say("valid_to_at is later than valid_from_at."),
    ),
)


def problem_when_set(profile: ChargingProfile, connector: int, session: int | None) -> str:
    """Return why a profile cannot be set there, in a sentence; "" if it can."""
    if profile.purpose is Purpose.CHARGER and connector:
        return say("A profile of the whole charger is set on connector 0.")  # K01.FR.03
    if profile.purpose is Purpose.SESSION and (session is None or not connector):
        return say("A session's profile needs the number of the session, and its connector.")  # K01.FR.03, K01.FR.16
    if profile.purpose is not Purpose.SESSION and session is not None:
        return say("Only a profile with the purpose session is for a session.")
    return _problem(profile)


def problem_at_start(profile: ChargingProfile) -> str:
    """Return why a session cannot be started with a profile, in a sentence; "" if it can."""
    if profile.purpose is not Purpose.SESSION:
        return say("A session is started with a profile that has the purpose session.")  # 1.6 §5.11, F01.FR.08
    return _problem(profile)


def _problem(profile: ChargingProfile) -> str:
    return next((sentence for is_broken, sentence in _ALWAYS if is_broken(profile)), "")
