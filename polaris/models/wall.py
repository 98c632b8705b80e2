"""A screen on which the fleet is shown without a sign-in, for as long as an operator allows."""

from peewee import AutoField, CharField

from polaris.models.fields import BaseModel, InstantField


class Wall(BaseModel):
    id = AutoField()
    name = CharField(unique=True)
    # Of the link's token until the screen has opened it, then of the token in the screen's cookie.
    token_hash = CharField(unique=True)
    created_at = InstantField()
    opened_at = InstantField(null=True)
    ends_at = InstantField(index=True)
