"""A version of a site's prices. Rows never change: a new price is a new row, and a session refers to its own."""

from peewee import AutoField, CharField, ForeignKeyField

from polaris.domain import tariff
from polaris.models.fields import BaseModel, ExactField, InstantField
from polaris.models.site import Site


class Tariff(BaseModel):
    id = AutoField()
    site_id: int
    site = ForeignKeyField(Site)
    currency = CharField(max_length=3)
    per_kwh = ExactField()
    per_minute = ExactField()
    per_session = ExactField()
    tax_percent = ExactField()
    valid_from_at = InstantField()

    class Meta:
        indexes = ((("site", "valid_from_at"), False),)

    def prices(self) -> tariff.Prices:
        return tariff.Prices(self.currency, self.per_kwh, self.per_minute, self.per_session, self.tax_percent)
