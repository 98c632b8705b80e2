"""Owns taking the database away from a bridge, and giving it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from polaris import models


@contextmanager
def database_gone(url: str) -> Iterator[None]:
    """Cut every connection to a PostgreSQL database, and let nobody connect to it meanwhile."""
    name = urlsplit(url).path.strip("/")
    maintenance = urlsplit(url)._replace(path="/postgres").geturl()
    with psycopg.connect(maintenance, autocommit=True) as connection:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        connection.execute("SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = %s", [name])
        yield
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("true")))
    models.database.obj.close_all()


@contextmanager
def database_locked() -> Iterator[None]:
    """Hold the write lock of the SQLite database that this process's models are bound to."""
    with models.database.atomic():
        yield
