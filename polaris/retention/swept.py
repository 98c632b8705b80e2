"""The record of what a sweep has done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from polaris.models import database
from polaris.models.fields import BaseModel


@dataclass(slots=True)
class Swept:
    """Counts of a sweep's work so far."""

    rows: Counter[str] = field(default_factory=Counter)  # deleted, by table
    made_final: int = 0  # sessions
    longest_s: float = 0.0  # of its transactions, once they had begun
    took_s: float = 0.0
    is_complete: bool = False

    @property
    def has_done_anything(self) -> bool:
        return bool(self.rows or self.made_final)

    def __str__(self) -> str:
        done = [f"{self.made_final:,} sessions made final"] if self.made_final else []
        done += [f"{count:,} rows of {table} deleted" for table, count in sorted(self.rows.items())]
        rest = "" if self.is_complete else "; it was stopped, and the next sweep goes on"
        return (
            f"Swept in {self.took_s:.1f} s, at most {self.longest_s * 1000:.0f} ms in a transaction:"
            f" {', '.join(done) or 'nothing was old'}{rest}"
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with database.atomic():
            began = time.monotonic()
            yield
        self.longest_s = max(self.longest_s, time.monotonic() - began)

    def count(self, model: type[BaseModel], deleted: int) -> None:
        if deleted:
            self.rows[model._meta.table_name] += deleted
