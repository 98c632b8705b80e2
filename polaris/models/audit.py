"""The audit log: a row for every change that a person asked for, written in the transaction of the change."""

from peewee import AutoField, CharField, TextField

from polaris.models.fields import BaseModel, InstantField

KEY_ROTATED = "charger.key_rotated"  # the action of a key that a person made


class AuditEntry(BaseModel):
    id = AutoField()
    at = InstantField()
    actor = CharField()  # an e-mail address, or "command line"
    action = CharField()  # noun.past_participle
    target = CharField()
    detail = TextField(default="")
