"""An end that named no known session: it waits for its start, or has been joined to the session that it fits."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, TextField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession


class UnmatchedEnd(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, index=False)
    session_id: int | None
    session = ForeignKeyField(ChargingSession, null=True, index=False)
    key = CharField()  # identifies repetitions
    number = BigIntegerField()  # of a session, as the charger sent it
    id_tag = CharField()
    ended_at = InstantField()
    meter_stop_wh = BigIntegerField(null=True)
    reason = CharField()
    readings = TextField()  # JSON
    received_at = InstantField()

    class Meta:
        table_name = "orphan_end"
        indexes = ((("charger", "key"), True),)
