"""The pushes that are due. As with mail, an attempt belongs to whoever moves its row's `due_at`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from peewee import SQL

from polaris.administration.devices import lifetimes
from polaris.config import Config
from polaris.domain import mail as lifecycle
from polaris.domain.enums import Role
from polaris.domain.mail import LEASE, MailState
from polaris.models import Account, NoticePush, PushSubscription, SignIn, blocking

_IS_UNSENT = SQL("state <> 'sent'")  # a literal, so that SQLite uses the partial index


@dataclass(frozen=True, slots=True)
class Claimed:
    """A push whose attempt is the caller's until `lease_until`."""

    id: int
    notice_id: int
    subscription_id: int
    endpoint: str
    p256dh: str
    auth: str
    server_key: str
    queued_at: datetime
    attempts: int  # this one included
    lease_until: datetime
    is_signed_in: bool  # whether the device still is


@blocking
def claim(config: Config, now: datetime) -> Claimed | None:
    """Claim the push that has been due for longest; None if none is due, or another sender was faster."""
    is_due = (NoticePush.state == MailState.WAITING) & (NoticePush.due_at <= now)
    row = NoticePush.select().where(_IS_UNSENT, is_due).order_by(NoticePush.due_at).first()
    if row is None:
        return None
    until, attempts = now + LEASE, row.attempts + 1
    is_it = (NoticePush.id == row.id) & (NoticePush.due_at == row.due_at)
    if not NoticePush.update(due_at=until, attempts=attempts).where(is_it, is_due).execute():
        return None
    device = row.subscription
    return Claimed(
        row.id,
        row.notice_id,
        device.id,
        device.endpoint,
        device.p256dh,
        device.auth,
        device.server_key,
        row.queued_at,
        attempts,
        until,
        _is_signed_in(device, config, now),
    )


@blocking
def sent(push: Claimed) -> None:
    """Note that the push service has taken a push."""
    _settle(push, state=MailState.SENT, answer="")


@blocking
def not_sent(push: Claimed, answer: str, now: datetime, *, is_final: bool) -> None:
    """Note why a push was not sent; unless that is final, or it is over, it is tried again later."""
    if is_final or lifecycle.is_over(push.queued_at, now):
        _settle(push, state=MailState.FAILED, answer=answer)
    else:
        _settle(push, due_at=now + lifecycle.pause(push.attempts), answer=answer)


@blocking
def forget(push: Claimed) -> None:
    """Drop a push that nobody waits for."""
    NoticePush.delete().where(NoticePush.id == push.id).execute()


@blocking
def forget_device(push: Claimed) -> None:
    """Delete the subscription of a device that takes no pushes any more, with all its pushes."""
    PushSubscription.delete().where(PushSubscription.id == push.subscription_id).execute()


def _is_signed_in(device: PushSubscription, config: Config, now: datetime) -> bool:
    sign_in = SignIn.get_by_id(device.sign_in_id)
    role = Role(Account.get_by_id(device.account_id).role)
    is_over = lifetimes(config).is_over(role, sign_in.created_at, sign_in.last_seen_at, now)
    return sign_in.revoked_at is None and not is_over


def _settle(push: Claimed, **values: object) -> None:
    """Change a row that is still as it was claimed: meanwhile it may be another sender's."""
    is_mine = (NoticePush.id == push.id) & (NoticePush.due_at == push.lease_until)
    NoticePush.update(**values).where(is_mine).execute()
