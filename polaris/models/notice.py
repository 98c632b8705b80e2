"""Notices to drivers: their choices, the devices that take pushes, the notices, and the pushes of these.

The mails of notices are in `mail`.
"""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField

from polaris.domain.mail import MailState
from polaris.models.account import Account
from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession
from polaris.models.sign_in import SignIn


class NoticeChoice(BaseModel):
    """An occasion of which an account is told by a channel."""

    id = AutoField()
    account_id: int
    account = ForeignKeyField(Account, index=False)
    occasion = CharField()  # domain.notices.Occasion
    channel = CharField()  # domain.notices.Channel
    language = CharField(default="")  # of the page on which it was chosen

    class Meta:
        table_name = "notice_choice"
        indexes = ((("account", "occasion", "channel"), True),)


class PushSubscription(BaseModel):
    """A signed-in device that takes pushes. It goes with its sign-in."""

    id = AutoField()
    account_id: int
    account = ForeignKeyField(Account)
    sign_in_id: str
    sign_in = ForeignKeyField(SignIn, unique=True, on_delete="CASCADE")
    endpoint = CharField(unique=True, max_length=1000)  # of the browser's push service: who has it, can send
    p256dh = CharField()  # the browser's key, by which pushes are encrypted
    auth = CharField()
    server_key = CharField()  # our public key, for which the browser takes them
    created_at = InstantField()

    class Meta:
        table_name = "push_subscription"


class Notice(BaseModel):
    """Something that an account is told, once."""

    id = AutoField()
    account_id: int
    account = ForeignKeyField(Account, index=False)
    session_id: int
    session = ForeignKeyField(ChargingSession, index=False)
    occasion = CharField()
    mark = BigIntegerField(default=0)  # one session may have an occasion more than once
    happened_at = InstantField()
    noted_at = InstantField(index=True)
    language = CharField(default="")

    class Meta:
        indexes = (
            (("session", "occasion", "mark"), True),
            (("account", "noted_at"), False),
        )


class NoticePush(BaseModel):
    """The push of a notice to a device. It is made anew for each attempt."""

    id = AutoField()
    notice_id: int
    notice = ForeignKeyField(Notice, index=False, on_delete="CASCADE")
    subscription_id: int
    subscription = ForeignKeyField(PushSubscription, on_delete="CASCADE")
    state = CharField(default=MailState.WAITING)
    queued_at = InstantField()
    due_at = InstantField()  # of the next attempt; whoever moves it may make that
    attempts = IntegerField(default=0)
    answer = CharField(default="")

    class Meta:
        table_name = "notice_push"
        indexes = ((("notice", "subscription"), True),)
