"""The latest message of each topic (firmware, diagnostics, data transfer) that a charger sent, as it was sent."""

from peewee import AutoField, CharField, ForeignKeyField, TextField

from polaris.models.charger import Charger
from polaris.models.database import BaseModel, InstantField


class ChargerNotice(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, backref="notices")
    topic = CharField()
    payload = TextField()  # JSON
    received_at = InstantField()

    class Meta:
        indexes = ((("charger", "topic"), True),)
