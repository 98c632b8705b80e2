"""A bridge process and its lease. When it expires its chargers are offline, even if the process was killed."""

from peewee import CharField

from polaris.models.fields import BaseModel, InstantField


class Bridge(BaseModel):
    id = CharField(primary_key=True)
    started_at = InstantField()
    lease_until_at = InstantField()
