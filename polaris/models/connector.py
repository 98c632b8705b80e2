"""A connector and the last state its charger reported. Connector 0 is the charger itself."""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class Connector(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger)
    number = IntegerField()
    status = CharField()  # enums.ConnectorStatus, or any other value that the charger sent
    error_code = CharField(default="")
    info = CharField(default="")
    max_power_w = IntegerField(null=True)  # as the charger reports it (OCPP 2.x device model)
    changed_at = InstantField()

    class Meta:
        indexes = ((("charger", "number"), True),)
