"""What a charger is told of a fact that it waits for."""

from __future__ import annotations

from dataclasses import dataclass

from polaris.domain.enums import Authorization


@dataclass(frozen=True, slots=True)
class Started:
    """What a charger is told of a start: the session's number, and whether its card is good."""

    number: int
    authorization: Authorization


@dataclass(frozen=True, slots=True)
class Ended:
    """What a charger is told of an end: about the card, where it named one."""

    authorization: Authorization | None


Outcome = Started | Ended | None
