"""A filter of the fleet under a name, which all operators share."""

from peewee import AutoField, CharField, TextField

from polaris.models.fields import BaseModel


class FleetFilter(BaseModel):
    id = AutoField()
    name = CharField(unique=True)
    query = TextField()  # JSON of fleet_query.Query.parameters
