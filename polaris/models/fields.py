"""The base of all models, and the column types that both databases store alike."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from peewee import BigIntegerField, CharField, Model

from polaris.domain.instants import EPOCH, MICROSECOND, to_microseconds
from polaris.models.connection import database


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
        return None if value is None else EPOCH + value * MICROSECOND  # `from_microseconds`, without a call


class ExactField(CharField):
    """A Decimal, stored as its digits: SQLite's NUMERIC would make it a float."""

    def db_value(self, value: Decimal | None) -> str | None:
        return None if value is None else str(value)

    def python_value(self, value: str | None) -> Decimal | None:
        return None if value is None else Decimal(value)
