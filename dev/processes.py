"""Child processes, each of which lives exactly as long as the task that runs it, and never longer than this process.

honcho's manager does not fit: it cannot end processes in order (Valkey last), fails with a KeyError if interrupted
while starting, and forks itself for each process.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from asyncio import StreamReader
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from dev.problem import Problem

STOP_TIMEOUT_S = 8.0  # shorter would kill the web while it finishes running requests
FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 30.0  # before a restart: without them, one that always fails would fill the log
STABLE_AFTER_S = 60.0  # a process that ran for so long has the first pause again
MAX_LINE_LENGTH = 1 << 20  # asyncio's default would drop long tracebacks
NAME_WIDTH = 8


async def run(name: str, command: str, environment: Mapping[str, str]) -> None:
    """Run a command to its end; raise `Problem` if it fails."""
    if code := await _run(name, command, environment):
        raise Problem(f"{name} failed with exit code {code}: {command}")


async def keep_running(name: str, command: str, environment: Mapping[str, str], serves: asyncio.Event) -> None:
    """Run a process until this task is cancelled; start it again whenever it ends.

    Raise `Problem` if it ends before Polaris `serves`: then a setting is wrong, and trying again would not help.
    """
    clock, pause_s = asyncio.get_running_loop().time, FIRST_PAUSE_S
    while True:
        started_at = clock()
        code = await _run(name, command, environment)
        if not serves.is_set():
            raise Problem(f"{name} ended unexpectedly with exit code {code}, so everything was stopped.")
        if clock() - started_at >= STABLE_AFTER_S:
            pause_s = FIRST_PAUSE_S
        show(f"{name} ended unexpectedly with exit code {code} and is started again in {pause_s:g} s.")
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, MAX_PAUSE_S)


def show(text: str) -> None:
    """Print a line at once; ignore a closed pipe: in `make run | tee log` Ctrl-C ends tee first."""
    with suppress(OSError):
        os.write(1, f"{text}\n".encode())


async def _run(name: str, command: str, environment: Mapping[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dev.child", str(os.getpid())),
        *shlex.split(command),
        env=environment,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        limit=MAX_LINE_LENGTH,
        start_new_session=True,  # a Ctrl-C reaches only this process, which ends the others in order
    )
    relay = asyncio.create_task(_relay(name, cast(StreamReader, process.stdout)))
    try:
        return await process.wait()
    finally:
        await _end(process)
        await relay


async def _relay(name: str, output: StreamReader) -> None:
    while not output.at_eof():
        with suppress(ValueError):  # a line longer than MAX_LINE_LENGTH is left out
            if line := await output.readline():
                show(f"{name:<{NAME_WIDTH}}| {line.decode(errors='replace').rstrip()}")


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # itself if it has not ended, and any children it left
    await process.wait()
