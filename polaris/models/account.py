"""A person who signs in: a driver or an operator."""

from peewee import AutoField, CharField

from polaris.models.fields import BaseModel, InstantField


class Account(BaseModel):
    id = AutoField()
    email = CharField(unique=True)  # lower case
    role = CharField()  # enums.Role
    status = CharField()  # enums.AccountStatus
    password_hash = CharField()
    created_at = InstantField()
    name = CharField(default="")
    language = CharField(default="")  # domain.languages; "": the browser's
    theme = CharField(default="")  # domain.profile.Theme
    erased_at = InstantField(null=True)  # from then on its e-mail is a pseudonym, and nobody signs in
