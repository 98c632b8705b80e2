"""How far a charger's clock was ahead of ours on a day, negative if behind: last, at least and at most."""

from peewee import AutoField, BigIntegerField, ForeignKeyField, IntegerField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class ClockSample(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, index=False)
    day = IntegerField()  # since 1970, UTC
    at = InstantField(index=True)
    ahead_ms = BigIntegerField()
    lowest_ms = BigIntegerField()
    highest_ms = BigIntegerField()

    class Meta:
        indexes = ((("charger", "day"), True),)
