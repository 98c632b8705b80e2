"""A command to a charger, with a deadline. Secrets are removed from its arguments once it is sent."""

from peewee import AutoField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField

from polaris.domain.commands import catalog
from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.commands.lifecycle import Progress
from polaris.domain.enums import CommandState
from polaris.models.account import Account
from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession


class Command(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger)
    kind = CharField()  # domain.commands.catalog
    arguments = TextField()  # JSON
    state = CharField()  # enums.CommandState
    requested_by = CharField()  # an e-mail address, "command line" or "Polaris"
    requested_at = InstantField()
    deadline_at = InstantField()
    sent_at = InstantField(null=True)
    answered_at = InstantField(null=True)
    status = CharField(default="")  # the charger's own, or why the command could not be sent
    answer = TextField(default="")  # JSON, as the charger sent it
    connection_id = CharField(null=True)  # of the bridge that claimed it
    bridge_id = CharField(null=True)
    request_key = CharField(null=True)  # random, of the form that it was requested with: once per charger
    agreed_sessions = TextField(null=True)  # JSON: the sessions that it may interrupt; null: any
    is_dry_run = BooleanField(default=False)  # until it is sent
    protocol = CharField(default="")  # that the frame is of
    frame = TextField(default="")  # of the dry run, as it would be sent, without secrets
    session_id: int | None
    session = ForeignKeyField(ChargingSession, null=True)  # that it started, or asks about
    account_id: int | None
    account = ForeignKeyField(Account, null=True, index=False)  # the driver who asked to start, at the connector below
    connector = IntegerField(null=True)  # in OCPP 2.x its EVSE

    @property
    def command(self) -> ChargerCommand:
        """The command as the catalog has it."""
        return catalog.from_json(self.kind, self.arguments)

    def values(self) -> Progress:
        """Return the command as the domain takes it."""
        return Progress(CommandState(self.state), self.deadline_at)
