"""Outcomes of facts that a charger waits for an answer to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from polaris.domain.enums import Authorization
from polaris.domain.limit import LimitKind


@dataclass(frozen=True, slots=True)
class CardAnswer:
    """The answer about a card, with the instant from which on it will be Expired."""

    authorization: Authorization
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SentLimit:
    """A session's limit for a charger that keeps it itself; of no kind if it is removed.

    The value is in Wh, thousandths of the currency, percent, or seconds from the session's start.
    """

    kind: LimitKind
    value: int


@dataclass(frozen=True, slots=True)
class Started:
    """The outcome of a start: the session's number, and whether its card is good."""

    number: int
    authorization: Authorization
    expires_at: datetime | None = None  # the card
    limit: SentLimit | None = None  # that the charger has to be told


@dataclass(frozen=True, slots=True)
class Limited:
    """The outcome of an event without a card, if the charger has to be told a limit."""

    limit: SentLimit


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome of an end, with the card's authorization if it named one."""

    authorization: Authorization | None
    expires_at: datetime | None = None  # the card


Outcome = Started | Limited | Ended | None
