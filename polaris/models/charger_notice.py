"""A charger's latest message of a topic (firmware, diagnostics, data transfer), as it was sent.

A report in parts has a row for each part. Reports that answer different requests are kept beside each other.
"""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField, TextField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class ChargerNotice(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger)
    topic = CharField()
    request = CharField(default="")  # the id of the request that it answers, as the charger sent it; "" for none
    part = IntegerField(default=0)
    payload = TextField()  # JSON
    received_at = InstantField()

    class Meta:
        indexes = ((("charger", "topic", "request", "part"), True),)


NOTICE_KEY = (ChargerNotice.charger, ChargerNotice.topic, ChargerNotice.request, ChargerNotice.part)
