"""The bridge as a process: how it starts, how it ends, and what a kill leaves behind."""

from __future__ import annotations

import asyncio
import base64
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from polaris.domain.enums import ConnectorStatus
from polaris.models import Bridge
from simulator.charger import OnRemoteStop
from tests.support.depot import KEY, Depot, now, row, session, stop_state, until
from tests.support.ports import free_port
from tests.support.processes import ROOT, Processes

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

WITHOUT_FLASK = "import runpy, sys; sys.modules['flask'] = None; runpy.run_module('ocpp_bridge', run_name='__main__')"


@pytest.mark.both_databases
@pytest.mark.field(72)
async def test_killed_bridge_keeps_everything(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    async with own_depot.charger() as charger:
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        await charger.meter_values(transaction, 100)
        bridge.kill()
        waiting = charger.meter_values(transaction, 250)
        assert session(transaction.id).energy_wh == 100
        bridge.start()
        assert await waiting == {}
        assert session(transaction.id).energy_wh == 250
        own_depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "completed")


@pytest.mark.both_databases
async def test_stopping_bridge_closes_and_releases(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    async with own_depot.charger(reconnects=False) as charger:
        charger.on_remote_stop = OnRemoteStop.SILENT
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        own_depot.request_stop(session(transaction.id))
        await charger.commanded.wait()
        assert await asyncio.to_thread(bridge.stop) == 0
        await until(lambda: charger.connection.close_code == 1001)
        assert row(charger.identity).connection_id is None
        assert Bridge.get().lease_until_at <= now()
        assert stop_state(transaction.id) == "unknown"
    assert "Traceback" not in bridge.log_text()


async def test_runs_without_flask(own_depot: Depot, processes: Processes) -> None:
    health_url = f"http://{own_depot.config.host}:{own_depot.config.ocpp_health_port}/healthz"
    bridge = processes.start("bridge", [sys.executable, "-c", WITHOUT_FLASK], health_url=health_url)
    async with own_depot.charger() as charger:
        await charger.boot()
    assert await asyncio.to_thread(bridge.stop) == 0


def test_second_bridge_on_sqlite_refused(own_depot: Depot, processes: Processes, settings: dict[str, str]) -> None:
    first = processes.bridge()
    second = _run(settings | {"OCPP_PORT": str(free_port()), "OCPP_HEALTH_PORT": str(free_port())})
    assert second.returncode == 1
    assert second.stderr.startswith("Another bridge is running on ")
    assert second.stderr.count("\n") == 1
    first.kill()
    first.start()


@pytest.mark.field(65)
@on_postgresql
async def test_newest_connection_of_two_bridges_owns(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    other = processes.bridge(OCPP_PORT=str(free_port()), OCPP_HEALTH_PORT=str(free_port()))
    async with own_depot.charger(reconnects=False) as old:
        await old.boot()
        first = row(old.identity).connection_id
        elsewhere = Depot(own_depot.config, other.url)
        async with elsewhere.charger(old.identity) as new:
            await until(lambda: row(old.identity).connection_id not in (None, first))
            owner = row(old.identity).connection_id
            await old.close()
            await new.boot()
            transaction = await new.start_transaction(own_depot.card().id_tag)
            assert row(old.identity).connection_id == owner
            own_depot.request_stop(session(transaction.id))
            await until(lambda: stop_state(transaction.id) == "completed")
        elsewhere.check_frames()


@pytest.mark.field(65)
@on_postgresql
async def test_commands_to_newest_connection_only(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    other = processes.bridge(OCPP_PORT=str(free_port()), OCPP_HEALTH_PORT=str(free_port()))
    elsewhere = Depot(own_depot.config, other.url)
    async with own_depot.charger(reconnects=False) as old, elsewhere.charger(old.identity) as new:
        await old.boot()
        await new.boot()
        await until(lambda: own_depot.listeners(new.identity) == 2)
        for _ in range(5):  # both bridges are told of each: it must not be chance who takes it
            transaction = await new.start_transaction(own_depot.card().id_tag)
            own_depot.request_stop(session(transaction.id))
            await until(lambda number=transaction.id: stop_state(number) == "completed")  # type: ignore[misc]
        assert not old.commands
    elsewhere.check_frames()


@pytest.mark.parametrize(
    ("setting", "value", "status", "words"),
    [
        ("OCPP_PORT", "many", 2, "OCPP_PORT must be"),
        ("CHARGER_KEY_SECRETS", "", 2, "CHARGER_KEY_SECRETS is not set"),
        ("DATABASE_URL", "mysql://x", 2, "DATABASE_URL must begin"),
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", 1, "The database does not answer"),
    ],
)
def test_bad_setting_is_one_sentence(
    settings: dict[str, str], setting: str, value: str, status: int, words: str
) -> None:
    done = _run(settings | {setting: value})
    assert done.returncode == status
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("taken", ["OCPP_PORT", "OCPP_HEALTH_PORT"])
def test_port_in_use_is_one_sentence(processes: Processes, settings: dict[str, str], taken: str) -> None:
    server = [sys.executable, "-m", "http.server", settings[taken], "--bind", settings["HOST"]]
    processes.start("other", server, health_url=f"http://{settings['HOST']}:{settings[taken]}/")
    done = _run(settings)
    assert done.returncode == 1
    assert settings[taken] in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.both_databases
@pytest.mark.field(66)
async def test_dead_connection_noticed_by_silence(own_depot: Depot, processes: Processes) -> None:
    processes.bridge(OCPP_PING_S="1")
    identity = own_depot.identity()
    writer = await _mute_charger(own_depot, identity)
    await until(lambda: row(identity).protocol)  # it was connected, and may have been cut off by now
    await until(lambda: row(identity).connection_id is None)
    writer.close()


async def test_demo_survives_power_cut(own_depot: Depot, processes: Processes, tmp_path: object) -> None:
    from pathlib import Path

    from polaris.models import Account, ChargingSession, Connector, EvCard

    processes.bridge()
    card = own_depot.card()
    EvCard.update(id_tag="POLARIS-DEMO-1").where(EvCard.id == card.id).execute()
    file = Path(str(tmp_path)) / "demo-chargers.csv"
    identities = [own_depot.identity() for _ in range(3)]
    file.write_text("identity,name,password\n" + "".join(f"{identity},Demo,{KEY}\n" for identity in identities))
    demo = processes.start(
        "demo", [sys.executable, "-m", "simulator", "demo", "--file", str(file), "--url", own_depot.url]
    )
    first = await until(lambda: ChargingSession.get_or_none(ChargingSession.energy_wh > 0))
    assert first.account == Account.get()
    expected = dict(zip(identities, (ConnectorStatus.CHARGING, "Available", "Faulted"), strict=True))
    await until(lambda: {c.charger.identity: c.status for c in Connector.select()} == expected)
    demo.kill()
    demo.start()
    await until(lambda: session(first.number).stop_reason == "PowerLoss")
    second = await until(lambda: ChargingSession.get_or_none(ChargingSession.state == "active"))
    own_depot.request_stop(second)
    await until(lambda: stop_state(second.number) == "completed")
    demo.signal(signal.SIGINT)
    assert await asyncio.to_thread(demo.wait) == 0
    assert demo.log_text() == ""


def _run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ocpp_bridge"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


async def _mute_charger(depot: Depot, identity: str) -> asyncio.StreamWriter:
    """A charger that shakes hands and then never says a word, not even a pong."""
    address = urlsplit(depot.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    credentials = base64.b64encode(f"{identity}:{KEY}".encode()).decode()
    head = (
        f"GET /ocpp/{identity} HTTP/1.1\r\nHost: bridge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {credentials}\r\n\r\n"
    )
    writer.write(head.encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    return writer
