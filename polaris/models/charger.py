"""A charger, its key's hash, and which connection of which bridge holds it."""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from polaris.models.bridge import Bridge
from polaris.models.database import BaseModel, InstantField
from polaris.models.site import Site


class Charger(BaseModel):
    id = AutoField()
    identity = CharField(unique=True)
    name = CharField()
    site_id: int
    site = ForeignKeyField(Site, backref="chargers")
    key_hash = CharField()
    key_version = IntegerField()
    protocol = CharField(default="")
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
