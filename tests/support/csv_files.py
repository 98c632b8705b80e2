"""Owns how a test reads a CSV file that a page offers."""

from __future__ import annotations

import csv
import io

from flask.testing import FlaskClient


def exported(client: FlaskClient, path: str, **query: str) -> list[dict[str, str]]:
    """Return the rows of a file by the names of its header."""
    answer = client.get(path, query_string=query)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))
