"""Owns a whole `make run`: waiting until it serves, and every process that belongs to it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.wait import eventually

SERVING = "Ctrl-C ends it."


def ports() -> dict[str, str]:
    return {name: str(free_port()) for name in ("PORT", "OCPP_PORT", "OCPP_HEALTH_PORT")}


def serve(run: Process) -> None:
    """Start it and wait until it has said where it is."""
    run.start()
    eventually(lambda: SERVING in run.log_text() or not run.is_running, timeout_s=60)
    assert run.is_running, run.log_text()


def end(run: Process, var: Path) -> None:
    """End it, and whatever it has left."""
    if run.is_running:
        run.stop()
    for pid in processes_of(var):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def processes_of(var: Path) -> list[int]:
    """Every process started with this var directory: children inherit the variable, and Valkey shows its socket."""
    variable, directory = f"POLARIS_VAR={var}".encode(), f"{var}/".encode()
    return [
        pid
        for pid in _all_pids()
        if variable in _read(pid, "environ").split(b"\0") or directory in _read(pid, "cmdline")
    ]


def pids_of(var: Path, words: str) -> list[int]:
    """Its processes with these words in their command line, the oldest first."""
    return sorted(pid for pid in processes_of(var) if words.encode() in _read(pid, "cmdline").replace(b"\0", b" "))


def pid_of(var: Path, words: str) -> int:
    [pid] = pids_of(var, words)
    return pid


def _all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _read(pid: int, name: str) -> bytes:
    with suppress(OSError):  # it may have ended since
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""
