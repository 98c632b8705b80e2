"""Commands to chargers from the command line, as far as no charger is needed: what is asked, refused, listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from polaris.domain.commands.catalog import KINDS
from polaris.models import AuditEntry, Command
from tests.support.cast import Cast
from tests.support.charging import Charging
from tests.support.valkey import Valkey

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    def run(*arguments: str, typed: str | None = None) -> Result:
        return app.test_cli_runner().invoke(args=["charger", *arguments], input=typed)

    assert run("add", "depot-7").exit_code == 0
    return run


@pytest.mark.parametrize("kind", ["commands", *KINDS])
def test_every_command_has_help(run: Run, kind: str) -> None:
    result = run(kind, "--help")
    assert result.exit_code == 0
    assert "IDENTITY" in result.output
    assert len(result.output.splitlines()) > 5
    assert kind in run("--help").output


@pytest.mark.both_databases
def test_offline_charger_and_command_list(run: Run) -> None:
    for _ in range(2):
        asked = run("reset", "depot-7", "--hard")
        assert (asked.exit_code, asked.output) == (1, "The charger is offline.\n")
    assert run("unlock", "depot-7", "1", "--no-wait").output == "The charger is offline.\n"
    listed = run("commands", "depot-7").output.splitlines()
    assert listed[0].split()[:5] == ["ID", "WHEN", "(UTC)", "BY", "COMMAND"]
    assert len(listed) == 4
    assert "Unlock, Connector 1" in listed[1]
    assert listed[2].endswith("The charger is offline.")
    assert "command line" in listed[2]
    assert "Reset, Hard" in listed[2]
    assert len(run("commands", "depot-7", "--last", "1").output.splitlines()) == 2
    entries = [
        (e.actor, e.target, e.detail) for e in AuditEntry.select().where(AuditEntry.action == "command.requested")
    ]
    assert entries[0] == ("command line", "depot-7", 'reset {"is_hard":true}')


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("reset", "nobody"), "There is no such charger."),
        (("unlock", "depot-7", "0"), "This is no unlock command. connector: Type a whole number from 1 to 999999."),
        (("unlock", "depot-7", "one"), "connector: Type a whole number from 1 to 999999."),
        (("reserve", "depot-7", "1", "CARD", "tomorrow"), "until_at"),
        (("reserve", "depot-7", "1", "CARD", "2020-01-01T00:00:00Z"), "until_at: This is over already."),
        (("transaction-status", "depot-7", "--session", "9"), "The charger has no such session."),
        (("get-log", "depot-7", "not-an-address"), "address"),
        (("change-key", "nobody"), "There is no such charger."),
    ],
)
def test_invalid_command_is_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert words in result.output
    assert result.output.count("\n") == 1
    assert not Command.select().exists()


def test_long_from_file_secret_from_stdin(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    file.write_text('[{"id_tag": "CARD", "status": "Accepted"}]')
    run("send-local-list", "depot-7", "3", "--entries", str(file))
    profile = tmp_path / "profile.json"
    limits = {"id": 1, "purpose": "default", "unit": "W", "periods": [{"starts_s": 0, "limit": 11000}]}
    profile.write_text(json.dumps(limits))
    run("set-charging-profile", "depot-7", str(profile), "--connector", "2")
    kept = [(one.kind, json.loads(one.arguments)) for one in Command.select().order_by(Command.id)]
    entries = [{"id_tag": "CARD", "status": "Accepted"}]
    assert kept == [
        ("send-local-list", {"version": 3, "entries": entries}),
        ("set-charging-profile", {"connector": 2, "profile": limits}),
    ]
    run("set-configuration", "depot-7", "WifiPassword", "-", typed="a-secret\n")
    assert json.loads(Command.select().order_by(Command.id.desc()).get().arguments)["value"] == "***"
    profile.write_text("{")
    assert "is not JSON" in run("set-charging-profile", "depot-7", str(profile)).output
    assert run("set-charging-profile", "depot-7", str(tmp_path / "none")).output.endswith(
        "No such file or directory.\n"
    )
    assert run("commands", "depot-8").output == "Nothing was asked of depot-8.\n"


def test_without_redis(run: Run, valkey: Valkey) -> None:
    valkey.stop()
    asked = run("clear-cache", "depot-7")
    assert (asked.exit_code, asked.output) == (1, "It could not be sent: Redis does not answer.\n")
    asked = run("change-key", "depot-7")
    assert asked.exit_code == 1
    assert "Redis" in asked.output


@pytest.mark.parametrize("at", ["2026", "20261123", "1e9"])
def test_number_is_no_timestamp(run: Run, at: str) -> None:
    result = run("reserve", "depot-7", "1", "ADA-1", at)
    assert result.exit_code == 2
    assert f"{at} is no instant such as 2026-11-23T14:00:00Z." in result.output
    assert not Command.select().exists()


def test_asks_before_it_interrupts(app: Flask, cast: Cast, charging: Charging) -> None:
    def run(*arguments: str, typed: str | None = None) -> Result:
        return app.test_cli_runner().invoke(args=["charger", *arguments], input=typed)

    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 3200)
    question = (
        f"This can interrupt:\n- session {number} on connector 1: ada@example.com, 2.20 kWh\n"
        "Send it all the same? [y/N]: "
    )
    asked = run("reset", "depot-7", typed="n\n")
    assert (asked.exit_code, asked.output) == (1, f"{question}n\nAborted!\n")
    assert not Command.select().exists()
    asked = run("reset", "depot-7", typed="y\n")
    assert asked.output == f"{question}y\nThe charger is offline.\n"
    assert run("reset", "depot-7", "--yes").output == "The charger is offline.\n"
    assert run("clear-cache", "depot-7").output == "The charger is offline.\n"


def test_dry_run_of_an_offline_charger(run: Run) -> None:
    for arguments in (("reset", "depot-7"), ("change-key", "depot-7")):
        asked = run(*arguments, "--dry-run")
        assert (asked.exit_code, asked.output) == (1, "The charger is offline.\n")
    actions = [entry.action for entry in AuditEntry.select()]
    assert actions.count("command.dry_run") == 2
    assert "command.requested" not in actions


def test_blocked_charger_is_not_called_offline(run: Run) -> None:
    assert run("block", "depot-7").exit_code == 0
    for option in ("--yes", "--dry-run"):
        refused = run("reset", "depot-7", option)
        assert (refused.exit_code, refused.output) == (
            1,
            "Error: The charger is blocked, so nothing reaches it: unblock it first.\n",
        )
    assert not Command.select().exists()
