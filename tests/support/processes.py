"""Owns the real processes of a test: started as the Procfile says, logged to files, never left over."""

from __future__ import annotations

import atexit
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.valkey import as_user
from tests.support.wait import eventually

ROOT = Path(__file__).parents[2]
INHERITED = ("HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
STARTED_WITHIN_S = 60.0
ENDED_WITHIN_S = 30.0
ANSWERED_WITHIN_S = 20.0


class Process:
    """One process: `start`, `stop` (SIGTERM), `kill` (SIGKILL, as a group), `restart`. Its output goes to `log`."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, *, url: str = "", health_url: str = ""
    ) -> None:
        self.url = url
        self.log = log
        self._command = list(command)
        self._environment = _inherited() | dict(environment)
        self._health_url = health_url
        self._popen: subprocess.Popen[bytes] | None = None
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        assert self._popen is not None, "not started"
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Start it and wait until it is healthy, where it has a health URL."""
        assert not self.is_running, "already started"
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if self._health_url:
            self.wait_until_healthy()

    def wait_until_healthy(self) -> None:
        eventually(lambda: answers(self._health_url) or not self.is_running, timeout_s=STARTED_WITHIN_S)
        assert self.is_running, f"{self._command} ended:\n{self.log_text()}"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, not to its children."""
        assert self._popen is not None, "not started"
        self._popen.send_signal(number)

    def wait(self, timeout_s: float = ENDED_WITHIN_S) -> int:
        """Wait until it ends by itself; return its exit code."""
        assert self._popen is not None, "not started"
        return self._popen.wait(timeout_s)

    def stop(self) -> int:
        """End it as a platform would; return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it and all its children at once, as a power cut would."""
        if self._popen is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")


class Processes:
    """The processes of one test, with its settings. A keyword like `PORT="8001"` overrides a setting of one process."""

    def __init__(self, settings: Mapping[str, str], logs: Path) -> None:
        self._settings = dict(settings)
        self._logs = logs
        self._all: list[Process] = []

    def web(self, **settings: str) -> Process:
        """Start a web process; its `url` is `http://host:port`."""
        environment = self._with_user("polaris-web", settings)
        url = f"http://{environment['HOST']}:{environment['PORT']}"
        return self._start("web", procfile("web"), environment, url=url, health_url=f"{url}/healthz")

    def bridge(self, **settings: str) -> Process:
        """Start a bridge; its `url` is `ws://host:port/ocpp`, to which a charger adds its identity."""
        environment = self._with_user("polaris-bridge", settings)
        host = environment["HOST"]
        return self._start(
            "bridge",
            procfile("bridge"),
            environment,
            url=f"ws://{host}:{environment['OCPP_PORT']}/ocpp",
            health_url=f"http://{host}:{environment['OCPP_HEALTH_PORT']}/healthz",
        )

    def start(self, name: str, command: Sequence[str], *, health_url: str = "", **settings: str) -> Process:
        """Start any other command."""
        return self._start(name, command, self._settings | settings, health_url=health_url)

    def kill_all(self) -> None:
        for process in self._all:
            process.kill()

    def _with_user(self, user: str, settings: Mapping[str, str]) -> dict[str, str]:
        """The settings, with the rights that the docs recommend for this process on Redis."""
        environment = self._settings | settings
        return environment | {"REDIS_URL": as_user(environment["REDIS_URL"], user)}

    def _start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, url: str = "", health_url: str = ""
    ) -> Process:
        log = self._logs / f"{name}-{len(self._all)}.log"
        process = Process(command, environment, log, url=url, health_url=health_url)
        self._all.append(process)
        process.start()
        return process


def procfile(name: str) -> list[str]:
    """The command of a process of the Procfile."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return shlex.split(dict(line.split(": ", 1) for line in lines)[name])


def answers(url: str) -> bool:
    """Whether a GET of an http:// URL is answered with 200."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=ANSWERED_WITHIN_S)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _inherited() -> dict[str, str]:
    """No setting of the person who runs the tests reaches a process; this environment's programs come first."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return kept | {"PATH": programs, "PYTHONUNBUFFERED": "1"}
