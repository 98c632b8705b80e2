"""Refused handshakes: an unknown identity, a wrong path or a wrong key. One row for each identity and address."""

from peewee import AutoField, CharField, IntegerField

from polaris.models.fields import BaseModel, InstantField


class UnrecognisedCharger(BaseModel):
    id = AutoField()
    identity = CharField()  # "" if the path meant none
    address = CharField()  # "" if a proxy did not send it
    path = CharField(default="")  # that it asked for last
    offered = CharField(default="")  # the subprotocols
    key_hash = CharField(default="")  # of the key last offered; "" if it was no valid key
    key_version = IntegerField(default=0)
    times = IntegerField()
    first_at = InstantField()
    last_at = InstantField(index=True)

    class Meta:
        indexes = ((("identity", "address"), True), (("address",), False))
