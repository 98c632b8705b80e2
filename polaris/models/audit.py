"""The audit log: a row for every change that a person asked for, written in the transaction of the change.

Rows are added by `polaris.audit.record` alone: each holds the hash of the row before it (`domain/audit_chain.py`).
"""

import json

from peewee import AutoField, CharField, TextField

from polaris.domain.audit_chain import Row, checked
from polaris.models.fields import BaseModel, InstantField

KEY_ROTATED = "charger.key_rotated"  # the action of a key that a person made


class AuditEntry(BaseModel):
    id = AutoField()
    at = InstantField()
    actor = CharField()  # an e-mail address, or "command line"
    action = CharField()  # noun.past_participle
    target = CharField()
    detail = TextField(default="")
    address = CharField(default="")  # of the network, from which the actor acted
    salts = TextField()  # JSON: of each field whose words can still be read
    erased = TextField(default="{}")  # JSON: the seal of each field whose words were erased
    previous_hash = CharField(unique=True, max_length=64)  # unique: no two rows follow one
    hash = CharField(max_length=64)

    def values(self) -> Row:
        """Return the row as the domain takes it. One that somebody has changed may raise any error of reading."""
        row = Row(
            self.id,
            self.at,
            self.action,
            self.actor,
            self.target,
            self.detail,
            json.loads(self.salts),
            json.loads(self.erased),
            self.previous_hash,
            self.hash,
            self.address,
        )
        return checked(row)
