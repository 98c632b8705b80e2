"""CSV files for spreadsheets, sent while they are read: a batch of rows at a time, each in a transaction of its own.

A cell is text that chargers and people chose: none of it may become a formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from flask import Response

from polaris.web.connections import give_more_time

BATCH_ROWS = 1000  # in memory at a time
BOM = "\ufeff"  # without it, Excel takes UTF-8 for the code page of its country
# A spreadsheet takes a cell that begins so for a formula. Some split lines at semicolons or tabs, quoted or not.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=\s*[=+\-@＝＋－＠\t\r])")

Cell = str | int | None
Key = TypeVar("Key")
Batch = tuple[Sequence[Sequence[Cell]], Key | None]


def response(noun: str, now: datetime, header: Sequence[str], read: Callable[[Key | None], Batch[Key]]) -> Response:
    """Answer with a file of the rows that `read` returns: a batch, and the key after which to read on, None at the end.

    It is called outside of the request, with None first, and has to be `blocking`.
    """
    answer = Response(_lines(header, read), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="polaris-{noun}-{now:%Y-%m-%d}.csv"'
    answer.headers["X-Accel-Buffering"] = "no"  # nginx would hold back what is sent meanwhile
    return answer


def safe(cell: Cell) -> Cell:
    """Return a cell that no spreadsheet computes."""
    return _FORMULA.sub(r"\1'", cell.replace("\0", "")) if isinstance(cell, str) else cell


def _lines(header: Sequence[str], read: Callable[[Key | None], Batch[Key]]) -> Iterator[str]:
    yield BOM + _written([header])
    rows, after = read(None)
    yield _written(rows)
    while after is not None:
        give_more_time()
        rows, after = read(after)
        yield _written(rows)


def _written(rows: Iterable[Sequence[Cell]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue()
