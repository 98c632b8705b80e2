"""An invitation to have an account, whose link was given to a person. The account is made when it is accepted."""

from peewee import AutoField, CharField

from polaris.models.fields import BaseModel, InstantField


class Invitation(BaseModel):
    id = AutoField()
    email = CharField(unique=True)  # as in an account, of which there is none yet
    role = CharField()  # enums.Role
    token_hash = CharField(unique=True)  # SHA-256 of the link's token, which is random
    invited_by = CharField()  # an operator's e-mail address, or the command line
    created_at = InstantField()
    expires_at = InstantField(index=True)
