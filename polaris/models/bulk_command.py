"""One command for many chargers, and its chargers."""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField, TextField

from polaris.domain.commands import catalog
from polaris.domain.commands.catalog import ChargerCommand
from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class BulkCommand(BaseModel):
    id = AutoField()
    kind = CharField()  # domain.commands.catalog
    arguments = TextField()  # JSON, without secrets
    fleet_filter = TextField()  # of the fleet, as its page's address has it; "" if it repeats what failed of another
    state = CharField()  # domain.bulk.BulkState
    total = IntegerField()  # chargers, excluded ones included
    requested_by = CharField()
    requested_at = InstantField(index=True)
    next_at = InstantField()  # of its next turn
    form = CharField(max_length=64, null=True, unique=True)  # digest of the form that made it, so that it makes one

    @property
    def command(self) -> ChargerCommand:
        """The command as the catalog has it."""
        return catalog.from_json(self.kind, self.arguments)


class BulkItem(BaseModel):
    id = AutoField()
    bulk_id: int
    bulk = ForeignKeyField(BulkCommand, index=False)
    charger_id: int
    charger = ForeignKeyField(Charger, index=False)
    state = CharField()  # domain.bulk.ItemState
    reason = TextField(default="")  # why it is excluded
    agreed_sessions = TextField(default="[]")  # JSON: those that it may interrupt
    # No reference: the oldest of a charger's commands are deleted, and the row stays.
    command_id = IntegerField(null=True)
    requested_at = InstantField(index=True)  # as its bulk, with which it is deleted
