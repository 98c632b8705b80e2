"""The device and the firmware that a charger has been since an instant: a row for each change of what it reports."""

from peewee import AutoField, CharField, ForeignKeyField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class ChargerFirmware(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, index=False)
    since_at = InstantField()
    vendor = CharField()
    model = CharField()
    serial = CharField()
    firmware = CharField()

    class Meta:
        indexes = ((("charger", "since_at"), True),)
