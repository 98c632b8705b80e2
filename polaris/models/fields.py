"""The base of all models, and the column types that both databases store alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from peewee import BigIntegerField, CharField, Model

from polaris.models.connection import database

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# Written out, since every reading is converted several times: dividing timedeltas takes three times as long.
def to_microseconds(at: datetime) -> int:
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(microseconds: int) -> datetime:
    return EPOCH + timedelta(0, microseconds // 1_000_000, microseconds % 1_000_000)


class BaseModel(Model):
    class Meta:
        database = database
        legacy_table_names = False
        only_save_dirty = True


class InstantField(BigIntegerField):
    """An aware datetime, stored as microseconds since 1970 UTC: exact, ordered and alike in both databases."""

    def db_value(self, value: datetime | None) -> int | None:
        return None if value is None else to_microseconds(value)

    def python_value(self, value: int | None) -> datetime | None:
        return None if value is None else from_microseconds(value)


class ExactField(CharField):
    """A Decimal, stored as its digits: SQLite's NUMERIC would make it a float."""

    def db_value(self, value: Decimal | None) -> str | None:
        return None if value is None else str(value)

    def python_value(self, value: str | None) -> Decimal | None:
        return None if value is None else Decimal(value)
