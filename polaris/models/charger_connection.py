"""A connection of a charger that has ended: when, and by whom. The one that goes on is in the charger's own row.

A charger has a ring of `MAX_KEPT` rows, so that one which comes and goes all the time cannot fill the database.
"""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField

MAX_KEPT = 256


class ChargerConnection(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, index=False)
    slot = IntegerField()  # the charger's count of connections, modulo MAX_KEPT
    connected_at = InstantField()
    ended_at = InstantField(index=True)  # or the last contact, if nobody saw the end
    ended_by = CharField()  # enums.EndedBy

    class Meta:
        indexes = ((("charger", "slot"), True),)
