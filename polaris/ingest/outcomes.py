"""Outcomes of facts that a charger waits for an answer to."""

from __future__ import annotations

from dataclasses import dataclass

from polaris.domain.enums import Authorization


@dataclass(frozen=True, slots=True)
class Started:
    """The outcome of a start: the session's number, and whether its card is good."""

    number: int
    authorization: Authorization


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome of an end, with the card's authorization if it named one."""

    authorization: Authorization | None


Outcome = Started | Ended | None
