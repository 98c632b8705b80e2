"""A command to a charger: a row with a deadline. Its arguments lose what is secret in them once it is sent."""

from peewee import AutoField, CharField, ForeignKeyField, TextField

from polaris.domain.commands.lifecycle import Progress
from polaris.domain.enums import CommandState
from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession


class Command(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, backref="commands")
    kind = CharField()  # of domain.command_kinds
    arguments = TextField()  # JSON
    state = CharField()  # words.CommandState
    requested_by = CharField()  # an e-mail address, "command line", or who of Polaris' own parts
    requested_at = InstantField()
    deadline_at = InstantField()
    sent_at = InstantField(null=True)
    answered_at = InstantField(null=True)
    status = CharField(default="")  # the charger's own word, or why it could not be sent
    answer = TextField(default="")  # the charger's own, JSON
    connection_id = CharField(null=True)  # that it was claimed for
    bridge_id = CharField(null=True)
    session_id: int | None
    session = ForeignKeyField(ChargingSession, null=True)  # that it began, or that it asks about

    def values(self) -> Progress:
        """The command as the domain takes it."""
        return Progress(CommandState(self.state), self.deadline_at)
