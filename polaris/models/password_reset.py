"""A link for a new password, asked for by any address: whether an account has it is seen when it is mailed."""

from peewee import AutoField, CharField

from polaris.models.fields import BaseModel, InstantField


class PasswordReset(BaseModel):
    id = AutoField()
    email = CharField(index=True)  # in the form of an account's
    token_hash = CharField(unique=True)  # SHA-256 of the link's token, which is random
    expires_at = InstantField(index=True)
