"""The command line of `python -m dev`: check, serve until a signal, report a problem in one line."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev import checks
from dev.parent import end_with
from dev.problem import Problem
from dev.serve import Stopped, serve
from dev.settings import prepare
from polaris import development


def main() -> int:
    """Run everything; return the exit code."""
    options = _options()
    if options.parent is not None:
        end_with(options.parent, signal.SIGTERM)
    code = 0  # neither `return` nor `break` may stand in an except*
    try:
        _run(wants_demo=options.demo)
    except* Stopped:
        pass
    except* Problem as problems:
        code = 1
        for problem in _leaves(problems):
            print(problem, file=sys.stderr)
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev", description="Run a whole Polaris on this machine.")
    parser.add_argument(
        "--demo", action="store_true", help="seed the demo also into the database of DATABASE_URL, if it is empty"
    )
    parser.add_argument("--parent", type=int, help="the pid of the parent process, with which everything ends")
    return parser.parse_args()


def _run(*, wants_demo: bool) -> None:
    settings = prepare(os.environ)
    with _exclusive(settings.var):
        checks.check_ports(settings.config)
        if settings.valkey_dir is None:
            checks.check_redis(settings.config.redis_url)
        if not settings.has_own_database:
            checks.check_database(settings.config.database_url)
        development.save(settings.environment)
        asyncio.run(serve(settings, wants_demo=wants_demo))


@contextmanager
def _exclusive(var: Path) -> Iterator[None]:
    with open(var / "run.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(f"Another Polaris is running with the directory {var} (POLARIS_VAR).") from None
        yield


def _leaves(problem: BaseException) -> Iterator[BaseException]:
    if isinstance(problem, BaseExceptionGroup):
        for inner in problem.exceptions:
            yield from _leaves(inner)
    else:
        yield problem
