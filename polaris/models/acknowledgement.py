"""An acknowledgement by an operator: a matter that needs a person is not counted while its row stands."""

from peewee import AutoField, CharField, IntegerField, TextField

from polaris.models.fields import BaseModel, InstantField


class Acknowledgement(BaseModel):
    id = AutoField()
    key = TextField(unique=True)  # of the matter: its kind and target
    level = IntegerField()  # how bad it was; a worse one is shown again
    state = CharField()  # what it was, such as an error code; another one is shown again
    actor = CharField()  # an e-mail address, or "command line"
    note = CharField()
    at = InstantField()
    until_at = InstantField(null=True)  # it comes back by itself then; None: not before it changes
    seen_at = InstantField(index=True)  # when the matter was there last, within some minutes
