"""The order in which everything starts and ends, and the welcome once Polaris serves."""

from __future__ import annotations

import asyncio
import shlex
import signal
import socket
from asyncio import TaskGroup
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from dev import valkey
from dev.problem import Problem
from dev.processes import keep_running, run, show
from dev.settings import Settings

START_TIMEOUT_S = 60.0
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A signal asked Polaris to stop."""


async def serve(settings: Settings, *, wants_demo: bool) -> None:
    """Run everything; raise `Stopped` after a signal, `Problem` if anything else ends it."""
    stop, serves = asyncio.Event(), asyncio.Event()
    for number in STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with TaskGroup() as base:  # ends after the processes that use it
        if settings.valkey_dir is not None:
            command = valkey.command(settings.valkey_dir)
            base.create_task(keep_running("valkey", command, settings.environment, serves))
        async with TaskGroup() as group:
            group.create_task(_until(stop))
            await _start(settings, wants_demo, group, serves)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
    show("Stopping.")
    raise Stopped


async def _start(settings: Settings, wants_demo: bool, group: TaskGroup, serves: asyncio.Event) -> None:
    commands = _procfile()
    await _prepare_database(settings, wants_demo, commands["release"])
    if settings.valkey_dir is not None:
        await _eventually(partial(_listens, valkey.socket_in(settings.valkey_dir)), "Valkey does not answer.")
    for name in ("web", "bridge"):
        group.create_task(keep_running(name, commands[name], settings.environment, serves))
    config = settings.config
    for name, port in (("web", config.port), ("bridge", config.ocpp_health_port)):
        await _eventually(partial(_is_healthy, config.host, port), f"{name} does not answer on its port {port}.")
    has_demo = _runs_demo(settings, wants_demo) and settings.demo_chargers.exists()
    if has_demo:
        group.create_task(keep_running("chargers", _chargers_command(settings), settings.environment, serves))
    serves.set()
    show(_welcome(settings, has_demo))


async def _prepare_database(settings: Settings, wants_demo: bool, release: str) -> None:
    await run("release", release, settings.environment)
    if _runs_demo(settings, wants_demo):  # on every start: it skips a seeded database, and repeats an interrupted seed
        seed = shlex.join(["flask", "--app", "app", "demo", "seed", "--file", str(settings.demo_chargers)])
        await run("demo", seed, settings.environment)


def _runs_demo(settings: Settings, wants_demo: bool) -> bool:
    return settings.has_own_database or wants_demo


def _chargers_command(settings: Settings) -> str:
    url = f"ws://{_reachable(settings.config.host)}:{settings.config.ocpp_port}/ocpp"
    return shlex.join(["python", "-m", "simulator", "demo", "--file", str(settings.demo_chargers), "--url", url])


def _procfile() -> dict[str, str]:
    """Return the commands of the Procfile by their names."""
    return dict(line.split(": ", 1) for line in Path("Procfile").read_text().splitlines())


async def _eventually(condition: Callable[[], bool], problem: str) -> None:
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT_S
    while not await asyncio.to_thread(condition):
        if asyncio.get_running_loop().time() > deadline:
            raise Problem(problem)
        await asyncio.sleep(0.05)


def _listens(unix_socket: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(unix_socket)) == 0  # the socket file of a killed Valkey refuses


def _is_healthy(host: str, port: int) -> bool:
    connection = HTTPConnection(_reachable(host), port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 400
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """Return the address to connect to for a server that listens on `host`, which may be all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104


def _welcome(settings: Settings, has_demo: bool) -> str:
    config = settings.config
    host = _reachable(config.host)
    lines = [
        "",
        "Polaris is running.",
        f"  Web       http://{host}:{config.port}",
        f"  Chargers  ws://{host}:{config.ocpp_port}/ocpp/<identity>",
    ]
    if has_demo:
        lines += [
            "  Sign in   driver@example.com    password polaris-demo",
            "            operator@example.com  password polaris-demo",
        ]
    return "\n".join([*lines, "Ctrl-C ends it.", ""])
