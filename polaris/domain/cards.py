"""The authorization of a card, from its state and its account's."""

from __future__ import annotations

from polaris.domain.enums import AccountStatus, Authorization, CardStatus

MAX_ID_TAG_LENGTH = 20  # OCPP 1.6 §7.28, CiString20Type
MAX_ID_TOKEN_LENGTH = 255  # OCPP 2.1; 36 in 2.0.1


def normal_id_tag(id_tag: str) -> str:
    """Return the form in which id tags are stored and compared: they are case-insensitive (OCPP 1.6 errata 3.58)."""
    return id_tag.strip().upper()


def authorize(
    card: CardStatus | None, account: AccountStatus | None, *, is_charging_elsewhere: bool = False
) -> Authorization:
    """Return the answer about a card; None stands for an unknown card."""
    if card is None or account is None:
        return Authorization.INVALID
    if card is CardStatus.BLOCKED or account is not AccountStatus.ACTIVE:
        return Authorization.BLOCKED
    return Authorization.CONCURRENT_TX if is_charging_elsewhere else Authorization.ACCEPTED
