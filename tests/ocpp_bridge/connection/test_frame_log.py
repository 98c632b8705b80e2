"""The log of frames: what is kept, what never is, its bounds, and that an export replays to the same session."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from polaris import models
from polaris.config import Config
from polaris.models import ChargingSession, EvCard
from polaris.ocpp_log import export
from polaris.ocpp_log.files import IN, OUT, Line, LogFiles, read
from simulator.replay import NotAReplay, load
from tests.support.command_line import run_command
from tests.support.database import disconnect
from tests.support.depot import KEY, Depot, now, readings, session, sessions, stop_state, until
from tests.support.ports import free_port
from tests.support.processes import ROOT, Processes

ALWAYS = 2**62


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> str:
    """Another database of the same kind, migrated and empty."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), tmp_path / 'other.db')}"
    server = request.getfixturevalue("postgres_server")
    return str(server.create_database(request.getfixturevalue("postgres_template")))


@pytest.mark.both_databases
async def test_replay_v16_session(
    own_depot: Depot, processes: Processes, settings: dict[str, str], tmp_path: Path, empty_database_url: str
) -> None:
    bridge = processes.bridge()
    card, other_card = own_depot.card(), own_depot.card()
    async with own_depot.charger() as charger:
        await charger.boot()
        other = await charger.start_transaction(other_card.id_tag, connector=2, meter_start_wh=7)
        transaction = await charger.start_transaction(card.id_tag, meter_start_wh=1000)
        await charger.meter_values(transaction, 1400, power_w=7000, soc_percent=40)
        await charger.meter_values(other, 99)
        charger.connection.drop()  # and come back
        await charger.connection.wait_closed()
        await charger.connection.connected.wait()
        await charger.connection.send_raw("not a frame")
        await charger.meter_values(transaction, 1900, power_w=6500, soc_percent=44)
        own_depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "completed")
        await charger.stop_transaction(other, meter_stop_wh=120)
    assert bridge.stop() == 0
    expected = _told(transaction.id)
    assert (expected["state"], expected["energy_wh"]) == ("completed", 900)

    file = tmp_path / "session.jsonl"
    _export(own_depot, transaction.id, file)
    text = file.read_text()
    assert card.id_tag not in text
    assert other_card.id_tag not in text
    assert "STAND-IN-1" in text
    elsewhere = _elsewhere(own_depot, processes, settings, empty_database_url)
    for filler in range(3):  # so that the transaction's id is another one there
        async with elsewhere.charger() as charger:
            await charger.start_transaction(f"FILLER-{filler}")
    replayed, other_card = _replayed(elsewhere, settings, file)
    assert replayed.number != transaction.id
    assert _told(replayed.number) == expected
    assert replayed.card_id == other_card.id


async def test_replay_v2_session(
    own_depot: Depot, processes: Processes, settings: dict[str, str], tmp_path: Path, empty_database_url: str
) -> None:
    bridge = processes.bridge()
    card = own_depot.card()
    async with own_depot.charger_v2() as charger:
        await charger.boot()
        other = await charger.start_transaction(own_depot.card().id_tag, connector=2)
        transaction = await charger.start_transaction(card.id_tag, meter_start_wh=1000)
        await charger.meter_values(transaction, 1400, power_w=7000)
        await charger.stop_transaction(transaction, meter_stop_wh=1900)
        await charger.stop_transaction(other, meter_stop_wh=5)
    assert bridge.stop() == 0
    (number,) = [row.number for row in sessions(charger.identity) if row.transaction_id == transaction.id]
    expected = _told(number)
    assert (expected["state"], expected["energy_wh"]) == ("completed", 900)

    file = tmp_path / "session.jsonl"
    _export(own_depot, number, file)
    assert card.id_tag not in file.read_text()
    assert other.id not in file.read_text()
    replayed, _ = _replayed(_elsewhere(own_depot, processes, settings, empty_database_url), settings, file)
    assert _told(replayed.number) == expected


async def test_replay_every_message(
    own_depot: Depot, processes: Processes, settings: dict[str, str], tmp_path: Path, empty_database_url: str
) -> None:
    bridge = processes.bridge()
    card = own_depot.card()
    async with own_depot.charger() as charger, own_depot.charger() as other:
        await other.boot()
        for register_wh in (1000, 2000):
            transaction = await charger.start_transaction(card.id_tag, meter_start_wh=register_wh)
            await charger.meter_values(transaction, register_wh + 400, power_w=7000)
            await charger.stop_transaction(transaction, meter_stop_wh=register_wh + 900)
    assert bridge.stop() == 0
    expected = [_told(row.number) for row in sessions(charger.identity)]

    file = tmp_path / "charger.jsonl"
    done = run_command(own_depot.config, "frames", "export", "--charger", charger.identity, "--out", str(file))
    assert done.exit_code == 0, done.output
    assert card.id_tag not in file.read_text()
    assert "BootNotification" not in file.read_text()  # the other's
    elsewhere = _elsewhere(own_depot, processes, settings, empty_database_url)
    identity, other_card = _play(elsewhere, settings, file)
    assert [_told(row.number) for row in sessions(identity)] == expected
    assert {row.card_id for row in sessions(identity)} == {other_card.id}


async def test_secrets_redacted_in_log(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    secrets = ["hunter2-of-sixteen", "pass-of-wifi", "in-an-address", "in-a-text"]
    async with own_depot.charger() as charger:
        await charger.call("DataTransfer", {"vendorId": "x", "data": '{"password": "in-a-text"}'})
        await charger.call("DataTransfer", {"vendorId": "ftp://ada:in-an-address@host/x"})
        configuration = [
            {"key": "AuthorizationKey", "readonly": False, "value": secrets[0]},
            {"key": "WifiPassword", "readonly": False, "value": secrets[1]},
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
        ]
        await charger.connection.send_raw(json.dumps([3, "an-answer", {"configurationKey": configuration}]))
        await charger.connection.send_raw(
            '[2, "x", "ChangeConfiguration", {"key": "AuthorizationKey", "value": "hunter2-of'
        )
        await charger.heartbeat()
    assert bridge.stop() == 0
    log = "".join(path.read_text() for path in Path(own_depot.config.frames_dir).iterdir())
    assert "HeartbeatInterval" in log
    assert "300" in log
    assert "***" in log
    assert [secret for secret in [*secrets, "hunter2"] if secret in log] == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in Path(own_depot.config.frames_dir).iterdir())


async def test_unwritable_log_does_not_block(own_depot: Depot, processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bridge = processes.bridge(FRAMES_DIR=str(tmp_path / "file" / "frames"))
    async with own_depot.charger() as charger:
        await charger.boot()
        await until(lambda: "The log of frames cannot be written" in bridge.log_text())
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        await charger.stop_transaction(transaction, meter_stop_wh=100)
    assert bridge.stop() == 0
    assert bridge.log_text().count("The log of frames") == 1
    assert session(transaction.id).state == "completed"


async def test_looping_charger_spares_other_frames(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    async with own_depot.charger() as loud, own_depot.charger() as quiet:
        await quiet.boot()
        for _ in range(20):
            await loud.call("DataTransfer", {"vendorId": "x" * 200_000})
        await quiet.heartbeat()
    assert bridge.stop() == 0
    directory = Path(own_depot.config.frames_dir)
    kept = read(directory, loud.identity, 0, ALWAYS)
    assert 0 < sum(len(line.frame) for line in kept) < 600_000
    assert [json.loads(x.frame)[2] for x in read(directory, quiet.identity, 0, ALWAYS) if x.direction == IN] == [
        "BootNotification",
        "Heartbeat",
    ]
    assert bridge.log_text().count("the log of frames leaves some out") == 1


def test_log_bounded_by_size(tmp_path: Path) -> None:
    segments = LogFiles(tmp_path, "bridge", max_bytes=160_000, max_age_s=60)
    for number in range(3000):
        segments.write([Line(number, "depot-7", "1", IN, f"frame {number} " + "x" * 100)])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 160_000
    kept = [line.at_us for line in read(tmp_path, "depot-7", 0, ALWAYS)]
    assert kept == list(range(kept[0], 3000))
    assert len(kept) > 700


def test_log_bounded_by_age(tmp_path: Path) -> None:
    import os

    old, young = tmp_path / f"{1:020d}-a.jsonl", tmp_path / f"{2:020d}-a.jsonl"
    old.write_text("")
    young.write_text("")
    os.utime(old, (1, 1))
    LogFiles(tmp_path, "bridge", max_bytes=160_000, max_age_s=60).write([Line(3, "depot-7", "1", OUT, "x")])
    assert not old.exists()
    assert young.exists()


def test_truncated_line_left_out(tmp_path: Path) -> None:
    LogFiles(tmp_path, "a", max_bytes=160_000, max_age_s=60).write([Line(5, 'de"pot', "1", IN, "[]")])
    LogFiles(tmp_path, "b", max_bytes=160_000, max_age_s=60).write([Line(4, 'de"pot', "1", IN, "{}")])
    (path,) = tmp_path.glob("*-a.jsonl")
    path.write_bytes(path.read_bytes() + b'[6,"de\\"pot","1","in","[2,')
    assert [line.frame for line in read(tmp_path, 'de"pot', 0, ALWAYS)] == ["{}", "[]"]


def test_export_and_replay_refusals(own_depot: Depot, settings: dict[str, str], tmp_path: Path) -> None:
    done = run_command(own_depot.config, "frames", "export", "4711")
    assert (done.exit_code, done.stderr) == (1, "Error: There is no session 4711.\n")
    with pytest.raises(LookupError):
        export.export(tmp_path, 4711, now())
    (tmp_path / "no").write_text('{"offset_s": 1}\n')
    with pytest.raises(NotAReplay, match="Line 1"):
        load(tmp_path / "no")
    arguments = ["--url", own_depot.url, "--identity", "x", "--key", "y"]
    done = _command(settings, "simulator", "replay", str(tmp_path / "no"), *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def _export(depot: Depot, number: int, file: Path) -> None:
    done = run_command(depot.config, "frames", "export", str(number), "--out", str(file))
    assert done.exit_code == 0, done.output


def _elsewhere(depot: Depot, processes: Processes, settings: dict[str, str], database_url: str) -> Depot:
    """A bridge over another database, which this process's models are bound to from now on."""
    disconnect()
    models.connect(database_url)
    changes = {"OCPP_PORT": str(free_port()), "OCPP_HEALTH_PORT": str(free_port()), "DATABASE_URL": database_url}
    return Depot(Config.from_env(settings | changes), processes.bridge(**changes).url)


def _replayed(depot: Depot, settings: dict[str, str], file: Path) -> tuple[ChargingSession, EvCard]:
    """Replay a file with a card of this depot; return the one session that it made, and the card."""
    identity, card = _play(depot, settings, file)
    (made,) = sessions(identity)
    return made, card


def _play(depot: Depot, settings: dict[str, str], file: Path) -> tuple[str, EvCard]:
    """Replay a file as a new charger with a card of this depot; return both."""
    identity, card = depot.identity(), depot.card()
    who = ["--url", depot.url, "--identity", identity, "--key", KEY, "--card", card.id_tag]
    played = _command(settings, "simulator", "replay", str(file), *who)
    assert played.returncode == 0, played.stderr
    assert " 0 refused" in played.stdout
    return identity, card


def _told(number: int) -> dict[str, object]:
    """Everything of a session that its charger's frames decide."""
    row = session(number)
    names = (
        "state connector started_at ended_at stop_reason meter_start_wh energy_wh power_w soc_percent "
        "last_reading_at authorization connector_status is_awaiting_end"
    )
    shown = ("sampled_at", "context", "register_wh", "energy_wh", "power_w", "soc_percent", "is_final")
    timeline = [tuple(getattr(reading, name) for name in shown) for reading in readings(number)]
    return {name: getattr(row, name) for name in names.split()} | {"timeline": timeline}


def _command(settings: dict[str, str], module: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=60, check=False)
