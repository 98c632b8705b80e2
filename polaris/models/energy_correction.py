"""A change to the energy of an ended session: what it was, what it became, by whom and why."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, TextField

from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession


class EnergyCorrection(BaseModel):
    id = AutoField()
    session_id: int
    session = ForeignKeyField(ChargingSession)
    at = InstantField()
    kind = CharField()  # enums.Correction
    before_wh = BigIntegerField(null=True)  # null if it was not known
    after_wh = BigIntegerField(null=True)
    actor = CharField()  # an operator's name or "charger"
    why = TextField()
