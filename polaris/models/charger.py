"""A charger, its key's hash, and which connection of which bridge holds it."""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from polaris.models.bridge import Bridge
from polaris.models.fields import BaseModel, InstantField
from polaris.models.site import Site


class Charger(BaseModel):
    id = AutoField()
    identity = CharField(unique=True)
    name = CharField()
    site_id: int
    site = ForeignKeyField(Site, backref="chargers")
    energy_unit = CharField(default="")  # an operator's word against the charger's: Wh, kWh, or "" for as it says
    key_hash = CharField()
    key_version = IntegerField()
    next_key_hash = CharField(null=True)  # the new key of a rotation, until the charger has come with it
    next_key_version = IntegerField(null=True)
    security_profile = IntegerField(default=1)  # OCPP's, 0 to 3: the least that it may come with
    protocol = CharField(default="")
    fallback_protocol = CharField(default="")  # what it is spoken to with where it offers no version, "" for nothing
    vendor = CharField(default="")
    model = CharField(default="")
    serial = CharField(default="")
    firmware = CharField(default="")
    bridge_id: str | None
    bridge = ForeignKeyField(Bridge, null=True, backref="chargers")
    connection_id = CharField(null=True)
    connected_at = InstantField(null=True)
    booted_at = InstantField(null=True)
    last_contact_at = InstantField(null=True)
