"""The command line lists and acknowledges what the page does, in its words."""

from __future__ import annotations

import pytest

from polaris.config import Config
from polaris.domain.facts import ConnectorStatusChanged
from polaris.ingest import Ingest, RefusedHandshake
from polaris.models import AuditEntry, blocking
from tests.support.cast import now
from tests.support.charging import Charging
from tests.support.command_line import run_command

FAULT = "fault:depot-7/1"


@pytest.fixture
def faulted(charging: Charging) -> None:
    values = {"connector": 1, "status": "Faulted", "error_code": "GroundFailure", "info": "\x1b[31mred", "at": now()}
    charging._store(ConnectorStatusChanged(**values, **charging._base()))


def test_nothing(config: Config, charging: Charging) -> None:
    assert run_command(config, "attention", "list").output == "Nothing needs you.\n"


def test_list_says_what_and_why(config: Config, faulted: None, ingest: Ingest) -> None:
    handshake = RefusedHandshake("it's", "192.0.2.7", "", "", 0, now(), now(), path="/ocpp/it's")
    ingest.note_refused_handshakes([handshake], now())
    output = run_command(config, "attention", "list").output
    assert f"Faults (1)\n  {FAULT}, since " in output
    assert "    It reports Faulted with the error code GroundFailure: \N{REPLACEMENT CHARACTER}[31mred\n" in output
    quoted = "'it'\"'\"'s'"
    assert f"Accept with a new key: flask --app app charger accept {quoted} --address 192.0.2.7 --new-key\n" in output


def test_acknowledged_and_taken_up(config: Config, faulted: None) -> None:
    output = run_command(config, "attention", "acknowledge", FAULT, "--until", "8h", "--note", "ordered a part").output
    assert f"{FAULT} is acknowledged: by command line at " in output
    assert ": ordered a part." in output
    assert f"{FAULT} is acknowledged already" in run_command(config, "attention", "acknowledge", FAULT).output
    listed = run_command(config, "attention", "list").output
    assert listed.startswith(f"Nothing needs you.\nAcknowledged\n  {FAULT}: by command line")
    assert run_command(config, "attention", "take-up", FAULT).output == f"{FAULT} is listed again.\n"
    assert run_command(config, "attention", "take-up", FAULT).output == f"{FAULT} was not acknowledged.\n"
    assert "Faults (1)" in run_command(config, "attention", "list").output
    actions = [row.action for row in blocking(lambda: list(AuditEntry.select().order_by(AuditEntry.id)))()]
    assert actions[-2:] == ["attention.acknowledged", "attention.taken_up"]


def test_what_is_not_there(config: Config, charging: Charging) -> None:
    result = run_command(config, "attention", "acknowledge", "fault:none")
    assert (result.exit_code, result.output) == (1, "Error: That needs nobody any more, or never did.\n")
