"""Settings that a charger once had, under a name, to compare others with."""

from peewee import AutoField, CharField, IntegerField, TextField

from polaris.models.fields import BaseModel, InstantField


class SettingsBaseline(BaseModel):
    id = AutoField()
    name = CharField(unique=True)
    identity = CharField()  # of the charger that had them, which may be gone
    saved_at = InstantField()
    count = IntegerField()
    settings = TextField()  # JSON of domain.settings.Setting; secrets are masked as on a charger's page
