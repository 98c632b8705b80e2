"""Counts of lists that may have millions of rows."""

from typing import Any

from polaris.domain.limits import MAX_COUNTED


def bounded_count(query: Any) -> int:
    """Count the rows of a query up to `MAX_COUNTED`; return one more than that if there are more.

    An index has to serve the query: rows that do not match are not counted, but read.
    """
    count: int = query.limit(MAX_COUNTED + 1).count()
    return count
