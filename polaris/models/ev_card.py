"""A card (OCPP: idTag) that a driver starts sessions with."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField

from polaris.models.account import Account
from polaris.models.fields import BaseModel, InstantField


class EvCard(BaseModel):
    id = AutoField()
    account_id: int
    account = ForeignKeyField(Account)
    id_tag = CharField(unique=True)  # normalised by cards.normal_id_tag
    token_type = CharField(default="")  # as it was added (OCPP 2.x), "" for none
    status = CharField()  # enums.CardStatus
    expires_at = InstantField(null=True)  # Expired from then on (OCPP 1.6 §7.2); null if it never expires
    created_at = InstantField()
    name = CharField(default="")  # as its owner calls it, "" if nobody has named it
    lost_at = InstantField(null=True)  # when its owner reported it lost
    limit_kind = CharField(default="")  # limit.LimitKind: the limit that its sessions begin with, or none
    limit_value = BigIntegerField(default=0)
