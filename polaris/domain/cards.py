"""Whether a card may charge: a card's and its account's states in, what the charger is told out."""

from __future__ import annotations

from polaris.domain.enums import AccountStatus, Authorization, CardStatus

MAX_ID_TAG_LENGTH = 20  # OCPP 1.6 §7.28, CiString20Type
MAX_ID_TOKEN_LENGTH = 255  # OCPP 2.1; 36 in 2.0.1


def normal_id_tag(id_tag: str) -> str:
    """The form that id tags are stored and compared in: they are case-insensitive (OCPP 1.6 errata 3.58)."""
    return id_tag.strip().upper()


def authorize(
    card: CardStatus | None, account: AccountStatus | None, *, is_charging_elsewhere: bool = False
) -> Authorization:
    """What a charger is told of a card; None stands for a card that nobody knows."""
    if card is None or account is None:
        return Authorization.INVALID
    if card is CardStatus.BLOCKED or account is not AccountStatus.ACTIVE:
        return Authorization.BLOCKED
    return Authorization.CONCURRENT_TX if is_charging_elsewhere else Authorization.ACCEPTED
