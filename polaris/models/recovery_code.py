"""A recovery code of an account that has not been used: each replaces the second factor once."""

from peewee import AutoField, CharField, ForeignKeyField

from polaris.models.account import Account
from polaris.models.fields import BaseModel


class RecoveryCode(BaseModel):
    id = AutoField()
    account_id: int
    account = ForeignKeyField(Account)
    code_hash = CharField()  # salt:hash
