"""A card (OCPP: idTag) that a driver starts sessions with."""

from peewee import AutoField, CharField, ForeignKeyField

from polaris.models.account import Account
from polaris.models.fields import BaseModel, InstantField


class EvCard(BaseModel):
    id = AutoField()
    account_id: int
    account = ForeignKeyField(Account, backref="cards")
    id_tag = CharField(unique=True)  # as cards.normal_id_tag gives it
    status = CharField()  # words.CardStatus
    created_at = InstantField()
