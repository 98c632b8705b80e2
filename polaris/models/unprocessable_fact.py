"""A fact that could not be applied, whole and with the reason: an end before its start, a session nobody knows."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, TextField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class UnprocessableFact(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, backref="stray_facts")
    name = CharField()
    number = BigIntegerField(null=True)  # the session it named
    reason = CharField()
    payload = TextField()  # JSON, as it was sent
    received_at = InstantField()

    class Meta:
        table_name = "stray_fact"
        indexes = ((("charger", "number"), False),)
