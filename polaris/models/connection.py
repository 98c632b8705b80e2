"""The database connection: SQLite or PostgreSQL by URL, its settings, and the threads that blocking calls run on.

Models bind to `database`, a proxy that `connect` fills.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from peewee import Database, DatabaseProxy
from playhouse.cysqlite_ext import CySqliteDatabase
from playhouse.migrations import Runner

from polaris import private_file
from polaris.models.write_turn import LOCK_TIMEOUT_S, FairSqliteDatabase

P = ParamSpec("P")
R = TypeVar("R")

MIGRATIONS = Path(__file__).parent / "migrations"
MAX_POSTGRES_CONNECTIONS = 20  # of one process; PostgreSQL refuses a hundred from all processes together

MAX_THREADS = 10  # of one process, for blocking calls under gevent

database = DatabaseProxy()
_threads: Any = None  # gevent's pool of native threads, if SQLite is used under gevent
_thread = threading.local()  # under gevent, of each native thread


def connect(url: str) -> None:
    """Bind the models to the database at `url`. The file or server is opened at the first use."""
    global _threads  # noqa: PLW0603 - one database a process, as the models' proxy is
    is_sqlite = url.startswith("sqlite:")
    database.initialize(_sqlite(url) if is_sqlite else _postgresql(url))
    _threads = _gevent_threads() if is_sqlite else None
    if _threads is not None:
        database.obj._lock, database.obj.sleep = _native("threading", "Lock")(), _native("time", "sleep")


def close() -> None:
    """Close this thread's connection, if it has one."""
    if database.obj is not None and not database.is_closed():
        database.close()


def migrate() -> list[str]:
    """Apply the pending migrations; return their names."""
    with database.connection_context():
        names: list[str] = Runner(database.obj, str(MIGRATIONS)).up()
        return names


def locked(query: Any) -> Any:
    """Lock the query's rows until the transaction ends; on SQLite the transaction itself holds the only lock."""
    return query.for_update() if database.obj.for_update else query


def kept(query: Any) -> Any:
    """Let nobody delete or lock the query's rows until the transaction ends; other changes of them go on."""
    return query.for_update("FOR KEY SHARE") if database.obj.for_update else query


def take_turns(lock: int) -> None:
    """Let other transactions that take this PostgreSQL lock wait until this one ends; SQLite's write one at a time."""
    if database.obj.for_update:
        database.execute_sql("SELECT pg_advisory_xact_lock(%s)", [lock])


def blocking(function: Callable[P, R]) -> Callable[P, R]:
    """Let `function` use the database without blocking other greenlets, with a connection for the time of the call.

    SQLite blocks its thread, so under gevent the call moves to a native thread; psycopg cooperates with gevent.
    Such a function may call others of its kind. It must neither use Redis nor log: gevent's sockets and locks belong to
    its hub's thread.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if _threads is None or getattr(_thread, "is_blocking", False):
            return _connected(function, args, kwargs)
        # In the caller's context, of which the thread would know nothing.
        return _in_thread(_threads, partial(copy_context().run, _connected, function, args, kwargs))

    return call


def run_blocking(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a slow computation that releases the GIL (a password hash) without blocking other greenlets."""
    threads = _gevent_threads()
    return function(*args, **kwargs) if threads is None else _in_thread(threads, partial(function, *args, **kwargs))


def _in_thread(threads: Any, task: Callable[[], R]) -> R:
    """Run a task in a native thread. gevent would print the traceback of each of its exceptions, expected or not."""
    result, error = threads.apply(_caught, (task,))
    if error is not None:
        try:
            raise error
        finally:
            del error  # else it and this frame would refer to each other, and be kept until the next collection
    return cast(R, result)


def _caught(task: Callable[[], R]) -> tuple[R | None, BaseException | None]:
    _thread.is_blocking = True  # a call within this one stays here, in its transaction
    try:
        return task(), None
    except BaseException as error:
        return None, error


def _connected(function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
    if not database.is_closed():  # a nested call, or SQLite's connection, which stays open in its thread
        return function(*args, **kwargs)
    database.connect()
    try:
        return function(*args, **kwargs)
    finally:
        if not isinstance(database.obj, CySqliteDatabase):
            database.close()


def _sqlite(url: str) -> Database:
    path = Path(url.removeprefix("sqlite:///"))
    private_file.make(path)  # SQLite gives its other files the same mode
    for suffix in ("-wal", "-shm", "-turn"):
        private_file.tighten(path.with_name(path.name + suffix))
    return FairSqliteDatabase(
        str(path),
        timeout=LOCK_TIMEOUT_S,
        lock_type="IMMEDIATE",  # a transaction that reads first and then writes must not fail "locked"
        returning_clause=True,
        rank_functions=False,
        pragmas={"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1},
    )


def _postgresql(url: str) -> Database:
    from playhouse.postgres_ext import PooledPsycopg3Database  # noqa: PLC0415 - after gevent's patching, and only if used

    pool: Database = PooledPsycopg3Database(
        urlsplit(url).geturl(),
        max_connections=MAX_POSTGRES_CONNECTIONS,
        timeout=LOCK_TIMEOUT_S,
        stale_timeout=300,
        connect_timeout=5,
        options="-c synchronous_commit=on -c timezone=UTC",
    )
    return pool


@cache
def _gevent_threads() -> Any:
    try:
        from gevent import get_hub, monkey  # noqa: PLC0415 - the bridge does without gevent
        from gevent.threadpool import ThreadPool  # noqa: PLC0415
    except ImportError:
        return None
    if not monkey.is_module_patched("threading"):
        return None
    # Its idle threads never end, as those of gevent's own pool do after 5 s: a thread's connection to SQLite would stay
    # open without it, and the next thread would open another.
    return ThreadPool(MAX_THREADS, hub=get_hub(), idle_task_timeout=-1)


def _native(module: str, name: str) -> Any:
    """Return the original of an object that gevent has patched, for use in native threads."""
    from gevent.monkey import get_original  # noqa: PLC0415 - only under gevent

    return get_original(module, name)
