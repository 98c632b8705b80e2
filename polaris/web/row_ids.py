"""The converter of addresses that name a row by its number, such as `/bulk/<id:number>`."""

from __future__ import annotations

from werkzeug.routing import IntegerConverter, Map

from polaris.domain.limits import MAX_INT32


class RowId(IntegerConverter):
    """A row's number. With a greater one, which no row has and databases refuse, there is no such address."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, min=1, max=MAX_INT32)
