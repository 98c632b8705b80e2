"""The part of an ended session on a day of its site: it follows from the session, and is added up anew with it."""

from peewee import AutoField, BigIntegerField, CharField, DateField, ForeignKeyField

from polaris.models.account import Account
from polaris.models.fields import BaseModel
from polaris.models.session import ChargingSession


class SessionDay(BaseModel):
    id = AutoField()
    session_id: int
    session = ForeignKeyField(ChargingSession, index=False, on_delete="CASCADE")
    account_id: int
    account = ForeignKeyField(Account, index=False)  # the session's owner
    day = DateField()
    energy_wh = BigIntegerField(null=True)  # null if it is not known
    currency = CharField(max_length=3)  # "" without a cost
    amount = BigIntegerField(null=True)  # the cost in the currency's smallest unit; null without one

    class Meta:
        indexes = (
            (("session", "day"), True),
            (("account", "day"), False),
        )
