"""Owns the database connection: SQLite or PostgreSQL by URL, their settings, and where blocking calls run.

Nothing here knows what is stored. Models bind to `database`, a proxy that `connect` fills.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fcntl import LOCK_EX, LOCK_NB, flock
from functools import partial, wraps
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from peewee import (
    BigIntegerField,
    CharField,
    Database,
    DatabaseProxy,
    Model,
    OperationalError,
    __exception_wrapper__,
)
from playhouse.cysqlite_ext import CySqliteDatabase
from playhouse.migrations import Runner

P = ParamSpec("P")
R = TypeVar("R")

MIGRATIONS = Path(__file__).parent / "migrations"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
LOCK_WAIT_S = 10  # how long a writer waits for another's transaction
PATIENCE_MS = 3  # of SQLite itself, which comes to look for the lock after 1 and 2 ms, and then ever more seldom
POSTGRES_CONNECTIONS = 20  # of one process
TURN_WAIT_S, TURN_LOOK_S = 0.5, 0.001  # many times as long as a transaction takes

database = DatabaseProxy()
_threads: Any = None  # gevent's pool of native threads, where SQLite is called from under gevent
_sleep = time.sleep


def connect(url: str) -> None:
    """Bind the models to the database at `url`. The file or server is opened at the first use."""
    global _threads, _sleep  # noqa: PLW0603 - one database a process, as the models' proxy is
    is_sqlite = url.startswith("sqlite:")
    database.initialize(_sqlite(url) if is_sqlite else _postgresql(url))
    _threads = _gevent_threads() if is_sqlite else None
    if _threads is not None:
        database.obj._lock, _sleep = _native("threading", "Lock")(), _native("time", "sleep")


def close() -> None:
    """Close this thread's connection, if it has one."""
    if database.obj is not None and not database.is_closed():
        database.close()


def migrate() -> list[str]:
    """Apply the migrations that are still pending; return their names."""
    with database.connection_context():
        return Runner(database.obj, str(MIGRATIONS)).up()


class Bulk:
    """One statement for many rows: executed many times on SQLite, and once over arrays on PostgreSQL.

    `sql` has the dialect's own place for the rows: `{values}` is a row of parameters or a set of unnested arrays.
    """

    def __init__(self, types: Sequence[str], *, sqlite: str, postgresql: str) -> None:
        self._sqlite = sqlite.format(values=", ".join("?" * len(types)))
        self._postgresql = postgresql.format(values=f"unnest({', '.join(f'%s::{type_}[]' for type_ in types)})")

    @classmethod
    def update(cls, table: str, columns: Mapping[str, str], *, key: str, always: str = "") -> Bulk:
        """Set these columns, given with their types, in the rows of an integer key; it comes last in a row's values."""
        said = f"UPDATE {table} SET {always and always + ', '}"  # noqa: S608 - names of ours
        return cls(
            (*columns.values(), "integer"),
            sqlite=f"{said}{', '.join(f'{name} = ?' for name in columns)} WHERE {key} = ?",
            postgresql=(
                f"{said}{', '.join(f'{name} = v.{name}' for name in columns)}"
                f" FROM {{values}} AS v({', '.join(columns)}, {key}) WHERE {table}.{key} = v.{key}"
            ),
        )

    def execute(self, rows: Sequence[Sequence[object]]) -> None:
        """Execute it for every row, in the caller's transaction."""
        if not rows:
            return
        with __exception_wrapper__:
            cursor = database.obj.cursor()
            if isinstance(database.obj, CySqliteDatabase):
                cursor.executemany(self._sqlite, rows)
            else:
                cursor.execute(self._postgresql, [list(column) for column in zip(*rows, strict=True)])


def locked(query: Any) -> Any:
    """Lock the rows for this transaction; SQLite's own transaction has locked the file already."""
    return query.for_update() if database.obj.for_update else query


def blocking(function: Callable[P, R]) -> Callable[P, R]:
    """Let `function` use the database without holding up others.

    SQLite blocks its thread, so under gevent the call moves to a native thread; psycopg waits together with gevent.
    Either way the function has a connection for its time and gives it back. It must neither speak to Redis nor log:
    gevent's sockets and locks belong to the thread of its hub.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if _threads is None:
            return _connected(function, args, kwargs)
        result: R = _threads.apply(_connected, (function, args, kwargs))
        return result

    return call


def _connected(function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
    if not database.is_closed():  # a call within a call, or SQLite's connection, which stays with its thread
        return function(*args, **kwargs)
    database.connect()
    try:
        return function(*args, **kwargs)
    finally:
        if not isinstance(database.obj, CySqliteDatabase):
            database.close()


class _Sqlite(CySqliteDatabase):
    """SQLite, whose lock is given in turn: who waits for it has the turn, and who has just had it comes after them.

    By itself SQLite looks for the lock ever more seldom, at last ten times a second, and never finds it free where
    another process writes without end. The turn is a courtesy: one who stands still with it holds up nobody for long.
    """

    def begin(self, lock_type: str | None = None) -> None:
        try:
            with Path(f"{self.database}-turn").open("a") as turn:  # closing it gives the turn away
                _await_turn(turn)
                self._begin(lock_type)
        except OSError as error:
            raise OperationalError(f"{error}") from error

    def _begin(self, lock_type: str | None) -> None:
        given_up_at = time.monotonic() + LOCK_WAIT_S
        self.execute_sql(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            while True:
                try:
                    super().begin(lock_type)
                except OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() > given_up_at:
                        raise
                else:
                    return
        finally:
            self.execute_sql(f"PRAGMA busy_timeout = {LOCK_WAIT_S * 1000}")


def _await_turn(turn: IO[str]) -> None:
    given_up_at = time.monotonic() + TURN_WAIT_S
    while time.monotonic() < given_up_at:
        try:
            flock(turn, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            _sleep(TURN_LOOK_S)
        else:
            return


def _sqlite(url: str) -> Database:
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    return _Sqlite(
        str(path),
        timeout=LOCK_WAIT_S,
        lock_type="IMMEDIATE",  # a transaction that reads first and then writes must not fail "locked"
        returning_clause=True,
        rank_functions=False,
        pragmas={"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1},
    )


def _postgresql(url: str) -> Database:
    from playhouse.postgres_ext import PooledPsycopg3Database  # noqa: PLC0415 - after gevent's patching, and only if used

    return PooledPsycopg3Database(
        urlsplit(url).geturl(),
        max_connections=POSTGRES_CONNECTIONS,
        timeout=LOCK_WAIT_S,
        stale_timeout=300,
        connect_timeout=5,
        options="-c synchronous_commit=on -c timezone=UTC",
    )


def _gevent_threads() -> Any:
    try:
        from gevent import get_hub, monkey  # noqa: PLC0415 - the bridge has no need of gevent
    except ImportError:
        return None
    return get_hub().threadpool if monkey.is_module_patched("threading") else None


def _native(module: str, name: str) -> Any:
    """What gevent has put its own in the place of, which serves its greenlets and not its native threads."""
    from gevent.monkey import get_original  # noqa: PLC0415 - only under gevent

    return get_original(module, name)


class BaseModel(Model):
    class Meta:
        database = database
        legacy_table_names = False
        only_save_dirty = True


def to_microseconds(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


class InstantField(BigIntegerField):
    """An aware datetime, kept as microseconds since 1970 UTC: exact, ordered and alike in both databases."""

    def db_value(self, value: datetime | None) -> int | None:
        return None if value is None else to_microseconds(value)

    def python_value(self, value: int | None) -> datetime | None:
        return None if value is None else from_microseconds(value)


class ExactField(CharField):
    """A Decimal, kept as its digits: SQLite's NUMERIC would make it a float."""

    def db_value(self, value: Decimal | None) -> str | None:
        return None if value is None else str(value)

    def python_value(self, value: str | None) -> Decimal | None:
        return None if value is None else Decimal(value)


def run_blocking(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a slow computation that holds no Python lock (a password hash) where it does not hold up others."""
    threads = _gevent_threads()
    result: R = threads.apply(partial(function, *args, **kwargs)) if threads is not None else function(*args, **kwargs)
    return result
