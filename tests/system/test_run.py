"""`make run`: one command starts everything, says where it is, and takes everything with it when it ends."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from dev import command
from tests.support.make_run import ports, processes_of, serve
from tests.support.ports import free_port
from tests.support.processes import ROOT, Process, answers
from tests.support.wait import eventually


@pytest.fixture
def refusal(var: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Start with settings that cannot work; return the one line it says."""

    def start(**settings: str) -> str:
        monkeypatch.setattr(sys, "argv", ["dev"])
        monkeypatch.setattr(os, "environ", _environment(var, settings))
        code = command.main()
        monkeypatch.undo()
        return _one_line(code, *capsys.readouterr())

    return start


def test_serves_demo_and_ctrl_c_cleans_up(run: Process, var: Path):
    serve(run)
    printed = run.log_text()
    assert f"Web       {run.url}" in printed
    assert "ws://127.0.0.1:" in printed
    assert "driver@example.com" in printed
    assert "operator@example.com" in printed
    assert answers(f"{run.url}/healthz")
    assert stat.S_IMODE((var / "secrets.env").stat().st_mode) == 0o600
    assert stat.S_IMODE((var / "demo-chargers.csv").stat().st_mode) == 0o600

    run.signal(signal.SIGINT)
    assert run.wait() == 0
    eventually(lambda: not processes_of(var))  # what was killed at last takes a moment
    assert "Traceback" not in run.log_text()


def test_second_start_keeps_secrets(run: Process, var: Path):
    serve(run)
    assert run.stop() == 0
    secrets = (var / "secrets.env").read_text()

    run.log.unlink()
    serve(run)
    assert (var / "secrets.env").read_text() == secrets


@pytest.mark.timeout(300)  # it starts many processes, one after another
def test_command_line_needs_no_settings(run: Process, var: Path, tmp_path: Path):
    """A newcomer's first minute: the README's commands in a second terminal, a charger and its session's page."""
    serve(run)
    _flask(var, "account", "add", "ada@example.com", "--password-stdin", stdin="a-password-of-adas\n")
    _flask(var, "card", "add", "ada@example.com", "04A2B3C4D5E6F7")
    added = _flask(var, "charger", "add", "depot-7", "--name", "Depot 7")
    key = added.partition("not shown again: ")[2].strip()
    bridge_url = next(word for word in run.log_text().split() if word.startswith("ws://")).removesuffix("/<identity>")

    charge = ["charge", "--url", bridge_url, "--identity", "depot-7", "--key", key, "--card", "04A2B3C4D5E6F7"]
    charger = Process([sys.executable, "-m", "simulator", *charge], {}, tmp_path / "charger.log")
    charger.start()
    eventually(lambda: "depot-7 is charging" in charger.log_text())

    browser = _sign_in(run.url, "ada@example.com", "a-password-of-adas")
    assert "Depot 7" in browser.open(f"{run.url}/sessions").read().decode()

    charger.signal(signal.SIGINT)
    assert charger.wait() == 0
    assert "No charger was refused" in _flask(var, "charger", "refused")
    assert stat.S_IMODE((var / "development.env").stat().st_mode) == 0o600


def test_only_command_line_finds_run_settings(var: Path):
    var.mkdir()
    (var / "development.env").write_text(f"SECRET_KEY={'s' * 32}\nCHARGER_KEY_SECRETS=1:{'k' * 32}\n")
    assert "Usage" in _flask(var, "account", "--help")
    loaded = _done([sys.executable, "-c", "import app"], var)  # as gunicorn does
    assert loaded.returncode == 3
    assert loaded.stderr.startswith("SECRET_KEY is not set.")


def test_second_run_in_directory_refused(run: Process, var: Path):
    serve(run)
    again = [sys.executable, "-m", "dev"]
    done = subprocess.run(
        again, cwd=ROOT, env=_environment(var, {}), capture_output=True, text=True, timeout=60, check=False
    )
    assert "Another Polaris is running" in _one_line(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", ["PORT", "OCPP_PORT", "OCPP_HEALTH_PORT"])
def test_port_in_use_named(refusal: Callable[..., str], listener: int, name: str):
    assert refusal(**{name: str(listener)}) == f"Port {listener} ({name}) is in use."


def test_shared_port_named(refusal: Callable[..., str]):
    port = str(free_port())
    assert refusal(PORT=port, OCPP_PORT=port) == f"Port {port} (OCPP_PORT) is in use."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://ada:hunter2@localhost/polaris"),
        ("DATABASE_URL", "postgresql://ada:hunter2@127.0.0.1:1/polaris"),
        ("DATABASE_URL", "postgresql://ada:hunter2%zz@127.0.0.1/polaris"),
        ("DATABASE_URL", f"sqlite:///{__file__}"),
        ("DATABASE_URL", "sqlite:////proc/nowhere/polaris.db"),
        ("REDIS_URL", "redis://:hunter2@127.0.0.1:1/0"),
        ("REDIS_URL", "http://:hunter2@127.0.0.1"),
        ("REDIS_URL", "unix:///nowhere/valkey.sock"),
        ("SECRET_KEY", "hunter2"),
        ("PORT", "http"),
    ],
)
def test_bad_setting_named_without_password(refusal: Callable[..., str], name: str, value: str):
    said = refusal(**{name: value})
    assert said.startswith(name)
    assert "hunter2" not in said


@pytest.fixture
def listener() -> Iterator[int]:
    """A port that something listens on."""
    import socket

    with socket.create_server(("127.0.0.1", free_port())) as server:
        yield server.getsockname()[1]


def _environment(var: Path, settings: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "POLARIS_VAR": str(var), **ports(), **settings}


def _one_line(code: int, stdout: str, stderr: str) -> str:
    """What a start that is refused says, in one line and nowhere else."""
    assert code == 1
    assert stdout == ""
    assert len(stderr.splitlines()) == 1, stderr
    return stderr.strip()


def _flask(var: Path, *arguments: str, stdin: str = "") -> str:
    """Run a command as in a second terminal, with no settings; return what it printed."""
    done = _done([sys.executable, "-m", "flask", "--app", "app", *arguments], var, stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _done(command: list[str], var: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "POLARIS_VAR": str(var)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def _sign_in(url: str, email: str, password: str) -> OpenerDirector:
    """A browser without JavaScript, signed in."""
    browser = build_opener(HTTPCookieProcessor())
    [token, *_] = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', browser.open(f"{url}/sign-in").read().decode())
    form = {"csrf_token": token, "email": email, "password": password}
    assert browser.open(f"{url}/sign-in", urlencode(form).encode()).url == f"{url}/"
    return browser
