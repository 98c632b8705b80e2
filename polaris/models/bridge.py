"""A bridge process and its lease: past `lease_until_at` its chargers read as offline; a killed one leaves no ghosts."""

from peewee import CharField

from polaris.models.fields import BaseModel, InstantField


class Bridge(BaseModel):
    id = CharField(primary_key=True)
    started_at = InstantField()
    lease_until_at = InstantField()
