"""A note on the quality of a session's figures: one row for each kind, from when it first applied."""

from peewee import AutoField, CharField, ForeignKeyField

from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession


class SessionNote(BaseModel):
    id = AutoField()
    session_id: int
    session = ForeignKeyField(ChargingSession, index=False)
    kind = CharField()  # data_quality.Note
    at = InstantField()

    class Meta:
        indexes = ((("session", "kind"), True),)
