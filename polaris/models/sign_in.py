"""A signed-in device. Its random id is in the device's cookie; a revoked one is refused."""

from peewee import CharField, ForeignKeyField

from polaris.domain.instants import EPOCH
from polaris.models.account import Account
from polaris.models.fields import BaseModel, InstantField


class SignIn(BaseModel):
    id = CharField(primary_key=True, max_length=43)
    account_id: int
    account = ForeignKeyField(Account)
    user_agent = CharField()
    created_at = InstantField()
    last_seen_at = InstantField()
    confirmed_at = InstantField(default=EPOCH)  # when its owner last proved to be at it, by password or second factor
    revoked_at = InstantField(null=True)
