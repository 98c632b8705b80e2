"""Connections that say nothing: they must not use up the files that chargers, the database and health checks need."""

from __future__ import annotations

import asyncio
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ocpp_bridge.connection.places import Place, Places
from tests.support.certificates import Authority
from tests.support.depot import Depot, session, until
from tests.support.ports import free_port
from tests.support.processes import Process, Processes, answers
from tests.support.websockets import serving
from tests.support.wire import connected

MAX_FILES = 1024
SILENT = 1100
WITH_LIMIT = ["sh", "-c", f'ulimit -n {MAX_FILES}; exec "$0" -m ocpp_bridge', sys.executable]


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.both_databases
@pytest.mark.parametrize("port", ["OCPP_PORT", "OCPP_TLS_PORT", "OCPP_HEALTH_PORT"])
async def test_silent_connections_stop_nobody(
    own_depot: Depot, processes: Processes, settings: dict[str, str], tmp_path: Path, port: str
) -> None:
    pair = Authority(tmp_path / "authority").sign("bridge", "serverAuth")
    tls = {"OCPP_TLS_PORT": str(free_port()), "OCPP_TLS_CERT": str(pair.certificate), "OCPP_TLS_KEY": str(pair.key)}
    health = f"http://{own_depot.config.host}:{own_depot.config.ocpp_health_port}"
    bridge = processes.start("bridge", WITH_LIMIT, health_url=f"{health}/healthz", **tls)
    async with own_depot.charger() as charger:
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        address = own_depot.config.host, int((settings | tls)[port])
        with Silent(address):
            await charger.meter_values(transaction, 250)
            assert session(transaction.id).energy_wh == 250
            async with own_depot.charger() as newcomer:
                await newcomer.boot()
            assert await asyncio.to_thread(answers, f"{health}/readyz")
            await until(lambda: _is_logged(own_depot, newcomer.identity))
            assert charger.connection.close_code is None
    log = bridge.log_text()
    assert "At most 1024 files" in log
    assert "Traceback" not in log
    assert log.count("\n") < 60


async def test_limit_raised(own_depot: Depot, processes: Processes) -> None:
    command = ["sh", "-c", 'ulimit -S -n 256; exec "$0" -m ocpp_bridge', sys.executable]
    url = f"http://{own_depot.config.host}:{own_depot.config.ocpp_health_port}/healthz"
    bridge = processes.start("bridge", command, health_url=url)
    assert _limits(bridge) == (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2


async def test_longest_waiting_gives_way(own_depot: Depot) -> None:
    """A newcomer gets in, an admitted connection stays, and silent ones lose their place."""
    places = Places(8)

    async def handle(charger: object) -> None:
        await charger.wait_closed()  # type: ignore[attr-defined]

    async with serving(handle, places=places) as server, connected(*server.address, "") as admitted:
        silent = [await asyncio.open_connection(*server.address) for _ in range(20)]
        async with connected(*server.address, ""):
            await until(lambda: places.taken == 3)  # of two for an address to wait in, the newcomer had one
            for reader, _ in silent[:19]:
                assert await reader.read() == b""
        assert not admitted.reader.at_eof()
        for _, writer in silent:
            writer.close()


@pytest.mark.parametrize(
    ("addresses", "left"),
    [
        (["192.0.2.1"] * 50, 10),
        ([f"192.0.2.{number}" for number in range(50)], 20),
        ([f"2001:db8::{number:x}" for number in range(1, 51)], 10),
        ([f"2001:db8:0:{number:x}::1" for number in range(50)], 20),
        (["::ffff:192.0.2.1", "192.0.2.1"] * 25, 10),
    ],
)
def test_waiting_bounded_by_network(addresses: list[str], left: int) -> None:
    places = Places(40)
    taken = [taken_by(places, address) for address in addresses]
    assert places.taken == left
    taken[-1].keep()
    taken[-1].free()
    assert places.taken == left - 1
    places.close_waiting()
    assert places.taken == 0


def test_proxy_has_no_bound_of_its_own() -> None:
    places = Places(40, has_addresses=False)
    for _ in range(50):
        taken_by(places, "192.0.2.1")
    assert places.taken == 20


def test_full_of_admitted_refuses() -> None:
    places = Places(4)
    for _ in range(4):
        taken_by(places, "192.0.2.1").keep()
    with closing(socket.socket()) as connection:
        assert places.take(connection, "192.0.2.3") is None


def taken_by(places: Places, address: str) -> Place:
    with socket.socket() as connection:
        place = places.take(connection, address)
    assert place is not None
    return place


class Silent:
    """As many connections as `SILENT`, which say nothing."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._sockets = [socket.create_connection(address) for _ in range(SILENT)]

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._sockets:
            connection.close()


def _is_logged(depot: Depot, identity: str) -> bool:
    return any(identity in file.read_text() for file in Path(depot.config.frames_dir).glob("*") if file.is_file())


def _limits(process: Process) -> tuple[int, int]:
    return resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
