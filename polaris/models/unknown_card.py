"""Cards that chargers asked about and that nobody has, for an operator to add. One row for each."""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class UnknownCard(BaseModel):
    id = AutoField()
    id_tag = CharField(unique=True)  # normalised by cards.normal_id_tag
    token_type = CharField()  # as the charger sent it last (OCPP 2.x), "" for none
    charger_id: int
    charger = ForeignKeyField(Charger, index=False)  # the last
    times = IntegerField()
    last_at = InstantField(index=True)
