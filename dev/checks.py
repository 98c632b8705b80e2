"""Checks before anything starts: the ports, and the Redis and the database of the settings.

Each failure is one `Problem` that names the setting. Passwords are never shown.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import cysqlite
import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from dev.problem import Problem
from polaris import private_file
from polaris.config import Config

ANSWER_TIMEOUT_S = 5


def check_ports(config: Config) -> None:
    """Check that the ports are free, by listening on all at once: this also finds a port that is given twice."""
    ports = {"PORT": config.port, "OCPP_PORT": config.ocpp_port, "OCPP_HEALTH_PORT": config.ocpp_health_port}
    with ExitStack() as listeners:
        for name, port in ports.items():
            listeners.enter_context(_listener(config.host, port, name))


def _listener(host: str, port: int, name: str) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except socket.gaierror:
        raise Problem(f"The address {host} (HOST) is not known.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Problem(f"Port {port} ({name}) is in use.") from None
        raise Problem(
            f"Port {port} ({name}) of {host} (HOST) cannot be used: {os.strerror(error.errno or 0)}."
        ) from None


def check_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=ANSWER_TIMEOUT_S, socket_timeout=ANSWER_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        ) as client:
            client.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        raise Problem(f"REDIS_URL: no Redis or Valkey answers. {_one_line(error, url)}") from None


def check_database(url: str) -> None:
    try:
        if url.startswith("sqlite:"):
            _open_sqlite(Path(url.removeprefix("sqlite:///")))
        else:
            psycopg.connect(url, connect_timeout=ANSWER_TIMEOUT_S).close()
    except (cysqlite.Error, psycopg.Error, OSError) as error:
        raise Problem(f"DATABASE_URL: the database cannot be opened. {_one_line(error, url)}") from None


def _open_sqlite(path: Path) -> None:
    if not path.exists():
        private_file.make(path)
    with closing(cysqlite.connect(str(path))) as connection:
        connection.execute("PRAGMA schema_version").fetchall()  # connecting does not read the file


def _one_line(error: Exception, url: str) -> str:
    """Return an error's first line without the password of the URL."""
    line = str(error).strip().partition("\n")[0] or type(error).__name__
    password = urlsplit(url).password or ""
    for secret in {password, unquote(password)} - {""}:
        line = line.replace(secret, "***")
    return line
