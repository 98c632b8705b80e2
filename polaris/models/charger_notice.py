"""The latest message of each topic (firmware, diagnostics, data transfer) that a charger sent, as it was sent.

A report that comes in many parts has a row for each of them.
"""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField, TextField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class ChargerNotice(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, backref="notices")
    topic = CharField()
    request = CharField(default="")  # what the charger was asked for and answers with this, by its id
    part = IntegerField(default=0)
    payload = TextField()  # JSON
    received_at = InstantField()

    class Meta:
        indexes = ((("charger", "topic", "part"), True),)
