"""A charger, the hash of its key, and its connection to a bridge."""

from datetime import datetime

from peewee import AutoField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField

from polaris.domain.enums import ChargerStatus
from polaris.models.bridge import Bridge
from polaris.models.fields import BaseModel, InstantField
from polaris.models.site import Site


class Charger(BaseModel):
    id = AutoField()
    identity = CharField(unique=True)
    name = CharField()
    site_id: int
    site = ForeignKeyField(Site)
    energy_unit = CharField(default="")  # Wh or kWh overrides the unit that the charger sends; "" does not
    max_power_w = IntegerField(null=True)  # of each connector, set by an operator; bounds what a session can have taken
    clock_offset_s = IntegerField(default=0)  # how far its clock is ahead of ours; 0 if it is right
    is_pinged = BooleanField(default=True)  # an operator may turn pings off for a charger that never answers them
    unanswered_pings = IntegerField(default=0)  # times in a row that it was disconnected for it without any answer
    meter_public_key = TextField(default="")  # to check its meter's signed data; "" if none was entered
    key_hash = CharField()
    key_version = IntegerField()
    next_key_hash = CharField(null=True)  # of a key rotation, until the charger has connected with it
    next_key_version = IntegerField(null=True)
    security_profile = IntegerField(default=1)  # OCPP's, 0 to 3: the lowest that is accepted
    status = CharField(default=ChargerStatus.ACTIVE)
    admission = IntegerField(default=0)  # raised when its connection is to end: it has to be admitted anew
    max_connectors = IntegerField(null=True)  # the highest number that it may report, if an operator has set one
    protocol = CharField(default="")
    fallback_protocol = CharField(default="")  # the version to use if the charger offers none; "" refuses it
    vendor = CharField(default="")
    model = CharField(default="")
    serial = CharField(default="")
    firmware = CharField(default="")
    bridge_id: str | None
    bridge = ForeignKeyField(Bridge, null=True)
    connection_id = CharField(null=True)
    connected_at = InstantField(null=True)
    connections = IntegerField(default=0)  # so far
    booted_at = InstantField(null=True)
    last_contact_at = InstantField(null=True)

    def is_online(self, now: datetime) -> bool:
        """Return whether the charger is connected to a running bridge."""
        lease_until_at = None if self.bridge is None else self.bridge.lease_until_at
        return is_held(self.connection_id, lease_until_at, now)


def is_held(connection_id: str | None, lease_until_at: datetime | None, now: datetime) -> bool:
    """Whether a charger with this connection and this lease is connected to a running bridge."""
    return connection_id is not None and lease_until_at is not None and lease_until_at > now
