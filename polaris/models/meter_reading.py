"""A session's meter reading: the values that a charger sent for one instant. A stuck clock gives many one instant."""

from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField

from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession


class MeterReading(BaseModel):
    id = AutoField()
    session_id: int
    session = ForeignKeyField(ChargingSession, index=False)
    sampled_at = InstantField()  # the charger's clock
    received_at = InstantField()
    digest = BigIntegerField()  # of the values, so that a repetition is stored once
    context = CharField()
    register_wh = BigIntegerField(null=True)
    energy_wh = BigIntegerField(null=True)  # delivered by the session until then
    interval_wh = BigIntegerField(null=True)  # delivered since the reading before, from a meter that sends intervals
    power_w = BigIntegerField(null=True)
    soc_percent = IntegerField(null=True)
    signed_data = TextField(default="")  # the meter's signed data, as it was sent
    is_inferred = BooleanField(default=False)  # it named no session and was given to the one open on the connector
    set_aside = CharField(default="")  # enums.SetAside: why it is not counted; "" if it is
    is_final = BooleanField(default=False)

    class Meta:
        indexes = ((("session", "sampled_at", "digest"), True),)
