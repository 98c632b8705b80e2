"""A version of a site's prices. Rows never change: a new price is a new row, and a session refers to its own."""

from decimal import Decimal

from peewee import AutoField, CharField, ForeignKeyField, IntegerField, TextField

from polaris.domain.tariff import Prices
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
    idle_per_minute = ExactField(default=Decimal(0))
    idle_grace_s = IntegerField(default=0)
    schedule = TextField(default="")  # price_windows.Schedule as JSON; "" without windows
    valid_from_at = InstantField()

    class Meta:
        indexes = ((("site", "valid_from_at"), False),)

    def prices(self) -> Prices:
        prices = Prices.of(self)
        assert prices is not None
        return prices


# For a query whose rows `Prices.of` takes.
PRICE_COLUMNS = {
    "currency": Tariff.currency,
    "per_kwh": Tariff.per_kwh,
    "per_minute": Tariff.per_minute,
    "per_session": Tariff.per_session,
    "tax_percent": Tariff.tax_percent,
    "idle_per_minute": Tariff.idle_per_minute,
    "idle_grace_s": Tariff.idle_grace_s,
    "schedule": Tariff.schedule,
}
