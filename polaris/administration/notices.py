"""The notices that a person has chosen: occasions by channel, and the devices that take pushes."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from polaris.administration.audit import Refused, record
from polaris.domain.notices import Channel, Choices, Occasion
from polaris.domain.sentences import say
from polaris.models import Account, NoticeChoice, PushSubscription, SignIn, blocking, database, locked

MAX_ENDPOINT = 1000  # characters
AUTH_BYTES = 16
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,200}={0,2}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The notices of an account, and whether this device takes pushes."""

    choices: Choices
    has_push: bool


@dataclass(frozen=True, slots=True)
class Device:
    """A browser's push subscription: its address and its keys, as the browser says."""

    endpoint: str
    p256dh: str
    auth: str


@blocking
def wanted(account_id: int, sign_in_id: str, server_key: str) -> Wanted:
    """Return what an account wants. A device that takes pushes for another key than ours takes none."""
    rows = NoticeChoice.select().where(NoticeChoice.account == account_id)
    is_it = (PushSubscription.sign_in == sign_in_id) & (PushSubscription.server_key == server_key)
    has_push = PushSubscription.get_or_none(is_it) is not None
    return Wanted(frozenset((Occasion(row.occasion), Channel(row.channel)) for row in rows), has_push)


@blocking
def choose(account_id: int, chosen: Choices, language: str, *, now: datetime) -> None:
    """Store what an account wants to be told, in the language of the page on which it was chosen."""
    with database.atomic():
        account = _locked(account_id)
        NoticeChoice.delete().where(NoticeChoice.account == account).execute()
        for occasion, channel in sorted(chosen):
            NoticeChoice.create(account=account, occasion=occasion, channel=channel, language=language)
        detail = ", ".join(f"{occasion} by {channel}" for occasion, channel in sorted(chosen))
        record(account.email, "notices.chosen", account.email, now, detail)


@blocking
def subscribe(account_id: int, sign_in_id: str, device: Device, server_key: str, *, now: datetime) -> None:
    """Let a signed-in device take pushes. Raise `Refused` if what its browser said cannot be used.

    A browser has one subscription, whoever is signed in: it is nobody else's any more.
    """
    _check(device)
    with database.atomic():
        account = _locked(account_id)
        if SignIn.get_or_none(SignIn.id == sign_in_id, SignIn.revoked_at.is_null()) is None:
            raise Refused(say("The device is not signed in any more."))
        is_replaced = (PushSubscription.sign_in == sign_in_id) | (PushSubscription.endpoint == device.endpoint)
        PushSubscription.delete().where(is_replaced).execute()
        PushSubscription.create(
            account=account,
            sign_in=sign_in_id,
            endpoint=device.endpoint,
            p256dh=device.p256dh,
            auth=device.auth,
            server_key=server_key,
            created_at=now,
        )
        record(account.email, "push.switched_on", account.email, now)


@blocking
def unsubscribe(account_id: int, sign_in_id: str, *, now: datetime) -> None:
    """Let a device take no pushes any more."""
    with database.atomic():
        account = _locked(account_id)
        if PushSubscription.delete().where(PushSubscription.sign_in == sign_in_id).execute():
            record(account.email, "push.switched_off", account.email, now)


@blocking
def is_mailed(account_id: int) -> bool | None:
    """Tell whether an account is told anything by mail; None if it is gone."""
    if Account.get_or_none(Account.id == account_id, Account.erased_at.is_null()) is None:
        return None
    is_mail = (NoticeChoice.account == account_id) & (NoticeChoice.channel == Channel.MAIL)
    return NoticeChoice.select().where(is_mail).exists()


@blocking
def mail_no_more(account_id: int, *, now: datetime) -> None:
    """Tell an account nothing by mail any more."""
    with database.atomic():
        account = _locked(account_id)
        is_mail = (NoticeChoice.account == account) & (NoticeChoice.channel == Channel.MAIL)
        if NoticeChoice.delete().where(is_mail).execute():
            record(account.email, "notices.unsubscribed", account.email, now)


def move_subscription(sign_in_id: str, new_sign_in_id: str) -> None:
    """Let a device that is signed in anew go on taking pushes, in the caller's transaction."""
    PushSubscription.update(sign_in=new_sign_in_id).where(PushSubscription.sign_in == sign_in_id).execute()


def _locked(account_id: int) -> Account:
    account: Account = locked(Account.select().where(Account.id == account_id)).get()
    return account


def _check(device: Device) -> None:
    """Raise `Refused` unless it looks like a push service's. Where it leads is seen when something is sent."""
    try:
        parts = urlsplit(device.endpoint)
        # py_vapid signs for no address of IPv6, and no push service is named by one.
        is_host = bool(parts.hostname) and ":" not in str(parts.hostname)
        is_address = parts.scheme == "https" and is_host and parts.username is None and parts.port != 0
        is_plain = device.endpoint.isascii() and device.endpoint.isprintable() and " " not in device.endpoint
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _decoded(device.p256dh))
        is_good = is_address and is_plain and len(_decoded(device.auth)) == AUTH_BYTES
    except ValueError:
        is_good = False
    if not is_good or len(device.endpoint) > MAX_ENDPOINT:
        raise Refused(say("This browser's push service is none that can be used."))


def _decoded(text: str) -> bytes:
    if not _BASE64URL.fullmatch(text):
        raise ValueError
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
