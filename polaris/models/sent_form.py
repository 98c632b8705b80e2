"""A form that was sent: sent again, it changes nothing more."""

from peewee import BooleanField, CharField

from polaris.models.fields import BaseModel, InstantField


class SentForm(BaseModel):
    digest = CharField(max_length=64, primary_key=True)  # of the form's random key and of what was typed
    at = InstantField(index=True)
    is_done = BooleanField(default=False)
