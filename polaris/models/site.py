"""A place with chargers: its time zone defines "today", its currency the prices."""

from peewee import AutoField, CharField

from polaris.models.fields import BaseModel


class Site(BaseModel):
    id = AutoField()
    name = CharField(unique=True)
    time_zone = CharField(default="UTC")  # IANA name
    currency = CharField(max_length=3, default="EUR")  # ISO 4217
    address = CharField(default="")  # as drivers read it
