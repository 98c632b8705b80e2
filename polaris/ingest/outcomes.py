"""Outcomes of facts that a charger waits for an answer to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from polaris.domain.enums import Authorization


@dataclass(frozen=True, slots=True)
class CardAnswer:
    """The answer about a card, with the instant from which on it will be Expired."""

    authorization: Authorization
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The outcome of a start: the session's number, and whether its card is good."""

    number: int
    authorization: Authorization
    expires_at: datetime | None = None  # the card


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome of an end, with the card's authorization if it named one."""

    authorization: Authorization | None
    expires_at: datetime | None = None  # the card


Outcome = Started | Ended | None
