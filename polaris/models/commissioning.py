"""A run of checks of a charger. While it is open its steps are judged by the charger's facts, and nothing is stored."""

from peewee import AutoField, CharField, ForeignKeyField, TextField

from polaris.models.account import Account
from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class Commissioning(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger)
    account_id: int | None
    account = ForeignKeyField(Account, null=True)  # of the operator who began it; null: the command line
    began_at = InstantField()
    began_by = CharField()
    ended_at = InstantField(null=True)  # null while it is open: one for each charger
    skipped = TextField(default="{}")  # JSON: the reason for each step that is left out
    outcome = CharField(default="")  # commissioning.Outcome
    report = TextField(default="")  # JSON: the verdicts as it ended
    firmware = CharField(default="")  # of the charger as it ended
    protocol = CharField(default="")
    link_hash = CharField(null=True, unique=True)  # of the link for an electrician
    link_ends_at = InstantField(null=True)
    link_account_id: int | None
    # The operator's who made the link, in whose name sessions are stopped by it; null: the command line.
    link_account = ForeignKeyField(Account, null=True, backref="+")
