"""A handshake that was refused: an identity that nobody knows, or a key that is wrong; a row for each address."""

from peewee import AutoField, CharField, IntegerField

from polaris.models.fields import BaseModel, InstantField


class UnrecognisedCharger(BaseModel):
    id = AutoField()
    identity = CharField()
    address = CharField()  # "" where a proxy did not say
    offered = CharField(default="")  # the subprotocols
    key_hash = CharField(default="")  # of the key last offered; "" where it is none that a charger may have
    key_version = IntegerField(default=0)
    times = IntegerField()
    first_at = InstantField()
    last_at = InstantField(index=True)

    class Meta:
        indexes = ((("identity", "address"), True), (("address",), False))
