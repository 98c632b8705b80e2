"""Commands to chargers from the command line, to a charger that answers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from polaris.domain.commands.outcome_text import sentence
from polaris.domain.enums import CommandState
from simulator.charger import Charger, OnRemoteStop
from tests.conftest import settings_of
from tests.support.command_line import run_command
from tests.support.commanding import commanded_charger
from tests.support.depot import Depot
from tests.support.processes import ROOT

ON_THE_WAY = f"{sentence(CommandState.SENT)}\n"  # which it says where it looks just then


@pytest.mark.both_databases
async def test_waits_and_prints_outcome(depot: Depot) -> None:
    card = depot.card()
    async with commanded_charger(depot) as charger:
        assert await _said(depot, charger, "unlock", "1") == (0, "The connector is unlocked.\n")
        assert await _said(depot, charger, "reserve", "7", "CARD", "2030-01-01T00:00:00Z", "--connector", "1") == (
            1,
            "The charger refused: the connector is occupied.\n",
        )
        status, said = await _said(depot, charger, "get-configuration", "HeartbeatInterval")
        assert (status, said.splitlines()[0]) == (0, "The charger accepted.")
        assert said.splitlines()[2].split() == ["HeartbeatInterval", "read", "and", "write", "300"]
        status, said = await _said(depot, charger, "start", card.id_tag)
        assert (status, said.splitlines()[-1]) == (0, "A session began.")
        status, said = await _said(depot, charger, "transaction-status")
        assert (status, said) == (1, "OCPP 1.6, which the charger speaks, has no such command.\n")
        status, said = await _said(depot, charger, "change-key")
        assert status == 0
        assert str(charger.commands[-1][1]["value"]) not in said
        status, said = await _said(depot, charger, "commands")
        assert said.splitlines()[1].split()[-3:] == ["The", "charger", "accepted."]


@pytest.mark.both_databases
@pytest.mark.field(134)
@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
async def test_settings_are_a_list(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        assert await _said(depot, charger, "settings") == (0, "The charger has reported no settings yet.\n")
        status, said = await _said(depot, charger, "get-configuration")
        lines = said.splitlines()
        assert (status, lines[0], lines[-1][:6]) == (0, "The charger accepted.", "As of ")
        assert lines[1].split() == ["COMPONENT", "PLACE", "SETTING", "ACCESS", "VALUE"]
        (interval,) = [line.split() for line in lines if "HeartbeatInterval" in line]
        assert interval[-5:] == ["HeartbeatInterval", "read", "and", "write", "300"]
        assert await _said(depot, charger, "settings") == (0, "\n".join(lines[1:]) + "\n")
        name = "HeartbeatInterval" if version == "ocpp1.6" else "OCPPCommCtrlr.HeartbeatInterval"
        status, said = await _said(depot, charger, "get-configuration", name, f"{name}s")
        assert (status, len(said.splitlines())) == (0, 4)
        assert "no such setting" in said.splitlines()[-1]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("answer", "exit_code", "last"),
    [
        (OnRemoteStop.ACCEPT, 0, "The session has ended."),
        (OnRemoteStop.REJECT, 1, "Charger could not stop the session: it refused. Please try again."),
    ],
)
async def test_session_stopped(depot: Depot, answer: OnRemoteStop, exit_code: int, last: str) -> None:
    async with depot.charger() as charger:
        charger.on_remote_stop = answer
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
        done = await asyncio.to_thread(run_command, depot.config, "session", "stop", str(transaction.id), "--yes")
        assert (done.exit_code, done.stdout.splitlines()[-1]) == (exit_code, last)
        assert list(charger.commands) == [("RemoteStopTransaction", {"transactionId": transaction.id})]


async def test_run_as_process(depot: Depot, tmp_path: Path) -> None:
    async with commanded_charger(depot) as charger:
        command = [sys.executable, "-m", "flask", "--app", "app", "charger", "unlock", charger.identity, "1"]
        environment = settings_of(depot.config.database_url, depot.config.redis_url, tmp_path)
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    said = done.stdout.replace(ON_THE_WAY, "")
    assert (done.returncode, said, done.stderr) == (0, "The connector is unlocked.\n", "")


@pytest.mark.field(105)
async def test_charger_text_fit_for_terminal(depot: Depot) -> None:
    async with commanded_charger(depot) as charger:
        charger.on_command["Reset"] = {"status": "\x1b[2J\r\nodd", "more": {"\x1b": "\x9b"}}
        status, said = await _said(depot, charger, "reset")
        assert status == 1
        assert said.replace("\n", "").isprintable()
        status, said = await _said(depot, charger, "commands")
        assert said.replace("\n", "").isprintable()


async def _said(depot: Depot, charger: Charger, kind: str, *arguments: str) -> tuple[int, str]:
    done = await asyncio.to_thread(run_command, depot.config, "charger", kind, charger.identity, *arguments)
    assert not done.stderr, done.stderr
    return done.exit_code, done.stdout.replace(ON_THE_WAY, "")


async def test_dry_run_shows_the_frame(depot: Depot) -> None:
    async with commanded_charger(depot) as charger:
        status, said = await _said(depot, charger, "reset", "--hard", "--dry-run")
        lines = said.splitlines()[-3:]
        assert (status, lines[0]) == (0, "A dry run: this is what would be sent. Nothing was sent.")
        assert lines[1].startswith(f"To {charger.identity}, in ocpp1.6, on connection ")
        assert lines[2] == '  [2,"...","Reset",{"type":"Hard"}]'
        status, said = await _said(depot, charger, "reset", "--connector", "1", "--dry-run")
        assert status == 1
        assert said.endswith("cannot restart one connector, only the whole charger.\n")
        status, said = await _said(depot, charger, "change-key", "--dry-run")
        assert (status, said.splitlines()[-1]) == (
            0,
            '  [2,"...","ChangeConfiguration",{"key":"AuthorizationKey","value":"***"}]',
        )
        assert not charger.commands
