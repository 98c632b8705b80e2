"""The ids of cards and of OCPP 2.x's other tokens, and the authorization of a card, from its state and its account's.

An id tag is one text: the token or, if it is of a type that is no card's, `Type:token`, such as `KeyCode:1234`. A card
whose own text reads like that is written `ISO14443:KeyCode:1234`, so that it is never taken for the other token.
"""

from __future__ import annotations

import re
import string
from datetime import datetime

from polaris.domain import contract_ids
from polaris.domain.enums import AccountStatus, Authorization, CardStatus
from polaris.domain.spelling import printable

MAX_ID_TAG_LENGTH = 20  # OCPP 1.6 §7.28, CiString20Type
MAX_ID_TOKEN_LENGTH = 255  # OCPP 2.1; 36 in 2.0.1

CARD = "ISO14443"
NO_CARD = "NoAuthorization"  # the charger asks for no card (C02)
UNLISTED = "Other"  # of a type that OCPP 2.1 does not list: `Other:type:token`
TYPES = ("Central", "DirectPayment", "eMAID", "EVCCID", CARD, "ISO15693", "KeyCode", "Local", "MacAddress", "VIN")
# The same token of these is the same card: chargers differ in the type that they give it, and OCPP 1.6 has none.
CARD_TYPES = frozenset({"", "Central", "eMAID", CARD, "ISO15693"})
_TYPES = {name.upper(): name for name in (*TYPES, UNLISTED)}

_NULS = "\0\N{REPLACEMENT CHARACTER}"
_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_UID = re.compile(r"[0-9A-F]{2}([ :-])[0-9A-F]{2}(?:\1[0-9A-F]{2}){2,8}")  # 4 to 10 bytes in pairs of digits
_BYTES = re.compile(r"(?:[0-9A-F]{2}){4,10}")


def id_tag(token: str, type_: str = "") -> str:
    """Return the id tag of a token as a charger or a person gives it: of no type (OCPP 1.6) or of any."""
    if not _trimmed(token):
        return ""
    name = _TYPES.get(type_.upper(), UNLISTED) if type_ else ""
    if name == UNLISTED:
        return f"{UNLISTED}:{type_.replace(':', ' ')}:{token}"
    return f"{name or CARD}:{token}" if name or typed(token)[0] else token


def typed(id_tag: str) -> tuple[str, str]:
    """Return the type that stands before an id tag, "" if none does, and the token."""
    name, colon, token = id_tag.partition(":")
    type_ = _TYPES.get(name.strip().upper(), "") if colon else ""
    return (type_, token) if type_ else ("", id_tag)


def normal_id_tag(id_tag: str) -> str:
    """Return the form in which id tags are stored and compared, here and wherever a person enters one.

    Id tags are case-insensitive (OCPP 1.6 errata 3.58): of ASCII's letters alone, since others have no one capital.
    Blanks and NULs around a token are the reader's and do not count. Those inside do, as `AB 1` and `A B1` may be two
    cards; but a UID in pairs of digits (`F6 CA 0C C5`, as many readers and cards print it) is the same UID without its
    separators. So is a contract's id without its optional hyphens and check digit, whatever type it is sent with.
    """
    type_, token = typed(id_tag)
    token = _trimmed(token).translate(_UPPER)
    if _UID.fullmatch(token):
        token = re.sub("[ :-]", "", token)
    elif type_ in CARD_TYPES and contract_ids.is_contract(token):
        token = contract_ids.normal(token)
    if type_ not in CARD_TYPES:
        return f"{type_.upper()}:{token}"
    return f"{CARD}:{token}" if typed(token)[0] else token


def turned_round(id_tag: str) -> str:
    """Return a card's UID with its bytes in the opposite order, as some readers send it; "" if it is no UID."""
    if not _BYTES.fullmatch(id_tag):
        return ""
    turned = bytes.fromhex(id_tag)[::-1].hex().upper()
    return "" if turned == id_tag else turned


def _trimmed(token: str) -> str:
    """Return a token without blanks around it, and without the NULs that fill a reader's buffer.

    The bridge reads a NUL as a replacement character.
    """
    token = token.strip()
    return token if token.isalnum() else token.strip(_NULS).strip()


def shown(id_tag: str, type_: str = "") -> str:
    """Return an id tag for a person to read, with its type: the one that stands before it, or else `type_`."""
    own_type, token = typed(id_tag)
    token, type_ = printable(token), own_type or type_
    return f"{token} ({type_})" if type_ else token


def last_four(id_tag: str) -> str:
    """Return the last four characters of an id tag, by which its owner knows it; the whole would let it be copied."""
    token = printable(typed(id_tag)[1])
    return f"…{token[-4:]}" if len(token) > 4 else f"…{token[-2:]}"


def authorize(
    card: CardStatus | None,
    account: AccountStatus | None,
    *,
    is_expired: bool = False,
    is_charging_elsewhere: bool = False,
) -> Authorization:
    """Return the answer about a card; None stands for an unknown card."""
    if card is None or account is None:
        return Authorization.INVALID
    if card is CardStatus.BLOCKED or account is not AccountStatus.ACTIVE:
        return Authorization.BLOCKED
    if is_expired:
        return Authorization.EXPIRED
    return Authorization.CONCURRENT_TX if is_charging_elsewhere else Authorization.ACCEPTED


def is_expired(expires_at: datetime | None, now: datetime) -> bool:
    """Return whether a card has expired: from its instant on (OCPP 1.6 §7.2)."""
    return expires_at is not None and expires_at <= now
