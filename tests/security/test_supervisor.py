"""`make run` killed, and its processes killed: nothing is left behind, and what crashed is started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from dev import processes
from tests.support import make_run
from tests.support.processes import ROOT, Process, answers
from tests.support.wait import eventually

ALL = ("gunicorn", "ocpp_bridge", "simulator", "valkey-server")


@pytest.fixture
def made(var: Path, tmp_path: Path) -> Iterator[Process]:
    """`make run` itself; what it installs is taken as installed."""
    command = ["make", "--old-file", ".venv/.installed", "run"]
    process = Process(command, {"POLARIS_VAR": str(var), **make_run.ports()}, tmp_path / "make.log")
    yield process
    make_run.end(process, var)


def test_killed_supervisor_takes_everything_with_it(run: Process, var: Path) -> None:
    make_run.serve(run)
    assert all(make_run.pids_of(var, words) for words in ALL)
    os.kill(run.pid, signal.SIGKILL)
    eventually(lambda: not make_run.processes_of(var))


def test_killed_together_with_web_and_valkey(run: Process, var: Path) -> None:
    make_run.serve(run)
    master, *_workers = make_run.pids_of(var, "gunicorn")
    for pid in (run.pid, master, make_run.pid_of(var, "valkey-server")):
        with suppress(ProcessLookupError):  # it has ended with its parent already
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: not make_run.processes_of(var))


def test_killed_make_takes_everything_with_it(made: Process, var: Path) -> None:
    make_run.serve(made)
    os.kill(made.pid, signal.SIGKILL)
    eventually(lambda: not make_run.processes_of(var))


def test_crashed_processes_start_again(run: Process, var: Path) -> None:
    make_run.serve(run)
    for name, words in {"bridge": "ocpp_bridge", "valkey": "valkey-server", "chargers": "simulator"}.items():
        killed = make_run.pid_of(var, words)
        os.kill(killed, signal.SIGKILL)
        eventually(lambda words=words, killed=killed: make_run.pids_of(var, words) not in ([], [killed]))
        assert f"{name} ended unexpectedly with exit code -9 and is started again in 0.5 s." in run.log_text()
        assert answers(f"{run.url}/healthz")
    os.kill(make_run.pids_of(var, "gunicorn")[0], signal.SIGKILL)
    eventually(lambda: "web ended unexpectedly with exit code -9" in run.log_text())
    eventually(lambda: answers(f"{run.url}/readyz"))
    with redis.Redis(unix_socket_path=str(var / "valkey" / "valkey.sock")) as client:
        assert client.ping()
    assert run.stop() == 0
    eventually(lambda: not make_run.processes_of(var))
    assert "Traceback" not in run.log_text()


def test_pauses_grow_to_a_bound(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(processes, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(processes, "MAX_PAUSE_S", 0.04)
    printed: list[str] = []

    async def fail_for_ever() -> None:
        serves = asyncio.Event()
        serves.set()
        failing = asyncio.create_task(processes.keep_running("web", "false", os.environ, serves))
        while len(printed) < 5:
            await asyncio.sleep(0.01)
            printed.extend(capfd.readouterr().out.splitlines())
        failing.cancel()

    asyncio.run(fail_for_ever())
    pauses = [line.removeprefix("web ended unexpectedly with exit code 1 and is started again in ") for line in printed]
    assert pauses[:5] == ["0.01 s.", "0.02 s.", "0.04 s.", "0.04 s.", "0.04 s."]


def test_child_of_an_ended_parent_never_begins(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    child = [sys.executable, "-m", "dev.child", str(ended.pid), "touch", str(tmp_path / "begun")]
    assert subprocess.run(child, cwd=ROOT, check=False).returncode == 0
    assert not (tmp_path / "begun").exists()
