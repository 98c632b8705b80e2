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

from flask import Response, request
from flask_login import current_user

from polaris import administration, pubsub
from polaris.domain.enums import Role
from polaris.domain.filters import Filter
from polaris.services import services
from polaris.web.answers import understood
from polaris.web.connections import give_more_time
from polaris.web.security import device_check

BATCH_ROWS = 1000  # in memory at a time
BOM = "\ufeff"  # without it, Excel takes UTF-8 for the code page of its country
# A spreadsheet takes a cell that begins so for a formula. Some split lines at semicolons or tabs, quoted or not.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=\s*[=+\-@＝＋－＠\t\r])")

Cell = str | int | None
Key = TypeVar("Key")
Batch = tuple[Sequence[Sequence[Cell]], Key | None]


class SignedOut(Exception):
    """The device that a file is sent to was signed out meanwhile, or has another role."""


def response(
    noun: str, wanted: Filter, now: datetime, header: Sequence[str], read: Callable[[Key | None], Batch[Key]]
) -> Response:
    """Answer with a file of the rows that `read` returns: a batch, and the key after which to read on, None at the end.

    It is called outside of the request, with None first, and has to be `blocking`. The audit log says which operator
    has taken which rows; a driver's are the driver's own. Without a filter that is understood, there is no file.
    """
    understood(wanted)
    if request.method != "HEAD" and current_user.role is Role.OPERATOR:
        administration.note_export("list.exported", noun, wanted.parameters(), actor=current_user.email, now=now)
        services().publisher.announce(pubsub.records_changed())
    answer = Response(lines(header, read, device_check()), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="polaris-{noun}-{now:%Y-%m-%d}.csv"'
    answer.headers["X-Accel-Buffering"] = "no"  # nginx would hold back what is sent meanwhile
    return answer


def safe(cell: Cell) -> Cell:
    """Return a cell that no spreadsheet computes."""
    return _FORMULA.sub(r"\1'", cell.replace("\0", "")) if isinstance(cell, str) else cell


def instant(at: datetime | None) -> Cell:
    """Return an instant in UTC as a cell."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def lines(
    header: Sequence[str], read: Callable[[Key | None], Batch[Key]], may_go_on: Callable[[], bool]
) -> Iterator[str]:
    """Yield the file in pieces, which breaks off, and so is no whole file, if it may not go on."""
    yield BOM + _written([header])
    rows, after = read(None)
    yield _written(rows)
    while after is not None:
        if not may_go_on():
            raise SignedOut("a file was not sent to its end: who asked for it is signed out, or has another role")
        give_more_time()
        rows, after = read(after)
        yield _written(rows)


def _written(rows: Iterable[Sequence[Cell]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue()
