"""A fact that could not be applied, with its payload and the reason: an end before its start, an unknown session."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, TextField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class UnprocessableFact(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger)
    name = CharField()  # `Fact.name`
    number = BigIntegerField(null=True)  # of the session that it named
    reason = CharField()
    payload = TextField()  # JSON, as it was sent
    received_at = InstantField()

    class Meta:
        table_name = "stray_fact"
        indexes = ((("charger", "number"), False),)
