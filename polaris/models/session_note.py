"""What is to be known about the quality of a session's figures: one row for each kind, from when it was first seen."""

from peewee import AutoField, CharField, ForeignKeyField

from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession


class SessionNote(BaseModel):
    id = AutoField()
    session_id: int
    session = ForeignKeyField(ChargingSession, backref="notes", index=False)
    kind = CharField()  # domain.notes.Note
    at = InstantField()

    class Meta:
        indexes = ((("session", "kind"), True),)
