"""The command line: what each command does and says, and every error in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import FlaskGroup

from polaris import create_app, private_file
from polaris.models import Account, AuditEntry, Charger, EvCard, Site, Tariff
from tests.support.ocmf_vectors import EBZ, KEBA
from tests.support.processes import ROOT
from tests.support.valkey import Valkey
from tests.support.wait import quickest_s

Run = Callable[..., Result]
PASSWORD = "correct horse battery"


@pytest.fixture
def run(app: Flask) -> Run:
    def run(*arguments: str, typed: str | None = None) -> Result:
        return app.test_cli_runner().invoke(args=list(arguments), input=typed)

    return run


@pytest.fixture
def ada(run: Run) -> str:
    assert run("account", "add", "ada@example.com", "--password-stdin", typed=f"{PASSWORD}\n").exit_code == 0
    return "ada@example.com"


@pytest.mark.both_databases
def test_set_up_site_from_scratch(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "chargers.csv"
    file.write_text("\ufeffidentity,name,password\nd-1,Depot 1,a-key-of-16-or-more\nd-2,,\n", "utf-8")
    said = [
        run(*arguments, typed=typed)
        for arguments, typed in (
            (("account", "add", "Ada@example.com", "--password-stdin"), f"{PASSWORD}\r\n"),
            (("account", "add", "olga@example.com", "--role", "operator"), f"{PASSWORD}\n{PASSWORD}\n"),
            (("account", "status", "ada@example.com", "suspended"), None),
            (("account", "password", "ada@example.com", "--password-stdin"), "another password\n"),
            (("card", "add", "ada@example.com", "tag-1"), None),
            (("card", "block", "tag-1", "--yes"), None),
            (("site", "set", "Harbour", "--time-zone", "Europe/Berlin", "--currency", "EUR"), None),
            (("tariff", "set", "--per-kwh", "0.39", "--per-session", "0.35", "--tax", "19", "--site", "Harbour"), None),
            (("charger", "add", "depot-7", "--name", "Depot 7", "--site", "Harbour"), None),
            (("charger", "add", "depot-8", "--password-stdin"), "a-key-of-16-or-more\n"),
            (("charger", "import", str(file)), None),
            (("db", "upgrade"), None),
        )
    ]

    assert [(result.exit_code, result.output) for result in said if result.exit_code] == []
    assert PASSWORD not in "".join(result.output for result in said)
    assert {a.email: (a.role, a.status) for a in Account.select()} == {
        "ada@example.com": ("driver", "suspended"),
        "olga@example.com": ("operator", "active"),
    }
    assert EvCard.get().status == "blocked"
    assert Site.get(Site.name == "Harbour").currency == "EUR"
    assert str(Tariff.get().per_session) == "0.35"
    assert {c.identity: (c.name, c.site.name) for c in Charger.select()} == {
        "depot-7": ("Depot 7", "Harbour"),
        "depot-8": ("depot-8", "Main"),
        "d-1": ("Depot 1", "Main"),
        "d-2": ("d-2", "Main"),
    }
    assert {entry.actor for entry in AuditEntry.select()} == {"command line"}
    assert AuditEntry.select().count() == 12


def test_only_generated_key_shown(run: Run) -> None:
    made = run("charger", "add", "depot-7").output
    given = run("charger", "add", "depot-8", "--password-stdin", typed="a-key-of-16-or-more\n").output

    assert len(made.rsplit(": ", 1)[1].strip()) == 32
    assert given == "Charger depot-8 was added.\n"


def test_new_currency_needs_new_tariff(run: Run) -> None:
    run("tariff", "set", "--per-kwh", "0.39")

    assert "tariff is still in EUR" in run("site", "set", "Main", "--currency", "CHF").output
    run("tariff", "set", "--per-kwh", "0.39")
    assert "still in" not in run("site", "set", "Main").output


def test_meter_keys(run: Run) -> None:
    run("charger", "add", "depot-7")
    entered = run("charger", "meter-keys", "depot-7", KEBA.key, EBZ.key)
    assert entered.output == "Meter keys of depot-7: a311 ca69 2295 0a95, 24f1 0eec 98eb 5fd5.\n"
    assert run("charger", "meter-keys", "depot-7", "--clear").output == "Meter keys of depot-7: none.\n"
    assert Charger.get().meter_public_key == ""


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (["account", "add", "ada@example.com", "--password-stdin"], PASSWORD, "There is an account ada@example.com"),
        (["account", "add", "nobody", "--password-stdin"], PASSWORD, "'nobody' is not an e-mail address"),
        (["account", "add", "ben@example.com", "--password-stdin"], "short", "12 to 128 characters"),
        (["account", "add", "ben@example.com", "--password-stdin"], "", "12 to 128 characters"),
        (["account", "add", "ben@example.com", "--password-stdin"], b"\xff\xfe", "not UTF-8"),
        (["account", "status", "ben@example.com", "active"], None, "There is no account ben@example.com"),
        (["account", "password", "ben@example.com", "--password-stdin"], PASSWORD, "There is no account"),
        (["card", "add", "ben@example.com", "TAG"], None, "There is no account ben@example.com"),
        (["card", "add", "ada@example.com", "x" * 256], None, "1 to 255 characters"),
        (["card", "block", "TAG"], None, "There is no card TAG"),
        (["charger", "add", "a/b"], None, "An identity has"),
        (["charger", "fallback", "nobody", "1.6"], None, "There is no charger nobody"),
        (["charger", "meter-keys", "nobody", "--clear"], None, "There is no charger nobody"),
        (["charger", "meter-keys", "known", "zz!"], None, "not hexadecimal or base64"),
        (["charger", "meter-keys", "nobody"], None, "Give KEY, or --clear."),
        (["charger", "meter-keys", "nobody", "00", "--clear"], None, "Give KEY, or --clear."),
        (["charger", "power", "nobody", "22"], None, "There is no charger nobody"),
        (
            ["charger", "power", "known", "nan"],
            None,
            "Greatest power in kW: Type a number with a point before its decimals",
        ),
        (["charger", "power", "known", "0.9"], None, "A connector delivers at most 1 to 2000 kW."),
        (["charger", "power", "known", "2001"], None, "A connector delivers at most 1 to 2000 kW."),
        (["charger", "power", "nobody"], None, "Give KW, or --clear."),
        (["charger", "power", "nobody", "22", "--clear"], None, "Give KW, or --clear."),
        (["charger", "add", "depot-7", "--site", "Nowhere"], None, "There is no site Nowhere"),
        (["charger", "add", "depot-7", "--password-stdin"], "", "no key on standard input"),
        (["charger", "add", "depot-7", "--password-stdin"], "short", "16 to 40"),
        (["tariff", "set"], None, "Give --per-kwh: there is none yet"),
        (["tariff", "set", "--per-kwh", "-1"], None, "is not a number from 0"),
        (["tariff", "set", "--per-kwh", "0,49", "--tax", "119"], None, "such as 0.39. Tax: 119 is not a number from 0"),
        (["tariff", "set", "--per-kwh", "1e9"], None, "Price of a kWh: Type a number in digits alone"),
        (["tariff", "set", "--per-kwh", "1", "--idle-grace-min", "15"], None, "Grace: a minute after charging costs"),
        (["tariff", "set", "--per-kwh", "1", "Mon 8:00"], None, "Line 1, Mon 8:00: write it like Mon-Fri"),
        (["tariff", "set", "--per-kwh", "1", "--tax", "101"], None, "is not a number from 0 to 100"),
        (["tariff", "set", "--per-kwh", "1", "--site", "Nowhere"], None, "There is no site Nowhere"),
        (["site", "set", "Main", "--time-zone", "Mars/Olympus"], None, "There is no time zone Mars/Olympus"),
        (["site", "set", "Main", "--currency", "€"], None, "no currency"),
    ],
)
def test_refusal_is_one_line(run: Run, ada: str, arguments: list[str], typed: str | None, words: str) -> None:
    run("charger", "add", "known")
    before = AuditEntry.select().count()

    result = run(*arguments, typed=typed)

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert words in result.output
    assert result.output.count("\n") == 1
    assert AuditEntry.select().count() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["account", "add"],
        ["account", "add", "ada@example.com", "--role", "king"],
        ["account", "status", "ada@example.com", "happy"],
        ["charger", "import", "/nowhere.csv"],
    ],
)
def test_wrong_usage(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert "Usage: " in result.output


def test_mismatched_passwords_asked_again(run: Run) -> None:
    result = run("account", "add", "ada@example.com", typed=f"{PASSWORD}\nother\n{PASSWORD}\n{PASSWORD}\n")

    assert result.exit_code == 0
    assert PASSWORD not in result.output


def test_faulty_file_names_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "chargers.csv"
    file.write_text("identity,name,password\nd-1,,\nd-1,,\n")
    assert "Error: Line 3: There is a charger d-1 already." in run("charger", "import", str(file)).output
    file.write_bytes(b"identity,name,password\nd-1,\xff,\n")
    assert "is not UTF-8" in run("charger", "import", str(file)).output
    assert not Charger.select().exists()


@pytest.mark.parametrize(
    "command",
    [
        "account add",
        "account status",
        "account password",
        "card add",
        "card block",
        "charger add",
        "charger import",
        "charger refused",
        "charger accept",
        "charger change-key",
        "charger commands",
        "charger reset",
        "charger profile",
        "charger pings",
        "frames export",
        "tariff set",
        "site set",
        "db upgrade",
        "demo seed",
    ],
)
def test_every_command_has_help(run: Run, command: str) -> None:
    result = run(*command.split(), "--help")

    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4


def test_commands_while_redis_is_down(run: Run, ada: str, valkey: Valkey) -> None:
    valkey.stop()

    def change_twice() -> None:
        for status in ("stopped", "active"):
            assert run("account", "status", ada, status).exit_code == 0
            assert Account.get().status == status

    assert quickest_s(change_twice) < 3


def flask(settings: dict[str, str], *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, in a process of its own."""
    command = [sys.executable, "-m", "flask", "--app", "app", *arguments]
    environment = {**settings, **changes}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("command", [("account", "list"), ("db", "--help")])
def test_reader_that_has_seen_enough_ends_it_without_a_word(settings: dict[str, str], command: tuple[str, ...]) -> None:
    flask(settings, "db", "upgrade")
    read_end, write_end = os.pipe()
    os.close(read_end)

    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", *command],
        cwd=ROOT,
        env=settings,
        stdout=write_end,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )

    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DATABASE_URL": "postgresql://polaris:a-secret@127.0.0.1:1/polaris"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://polaris:a-secret@[bad/polaris"}, "DATABASE_URL"),
        ({"DATABASE_URL": "sqlite:////proc/nowhere/polaris.db"}, "DATABASE_URL"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL must begin with"),
        ({"REDIS_URL": "redis://host:port/0"}, "REDIS_URL"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must have 32 characters"),
        ({"CHARGER_KEY_SECRETS": ""}, "CHARGER_KEY_SECRETS is not set"),
        ({"PORT": "eighty"}, "PORT must be a whole number"),
    ],
)
def test_bad_setting_is_one_line(settings: dict[str, str], changes: dict[str, str], words: str) -> None:
    group = FlaskGroup(create_app=create_app, load_dotenv=False)  # as the `flask` command is one
    result = CliRunner().invoke(group, ["db", "upgrade"], env=settings | changes)

    assert result.exit_code != 0
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert "a-secret" not in result.stderr


def test_no_database_is_one_line(settings: dict[str, str], tmp_path: Path) -> None:
    private_file.write(tmp_path / "no.db", "not a database, " * 100)
    result = flask(settings, "db", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path / 'no.db'}")
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "not a database" in result.stderr


def test_database_without_tables(settings: dict[str, str], tmp_path: Path) -> None:
    new = {"DATABASE_URL": f"sqlite:///{tmp_path / 'new' / 'polaris.db'}"}
    assert "flask --app app db upgrade" in flask(settings, "card", "block", "TAG", **new).stderr
    assert "0001_first_tables" in flask(settings, "db", "upgrade", **new).stdout
    assert "There is no card TAG" in flask(settings, "card", "block", "TAG", **new).stderr


@pytest.mark.both_databases
def test_greatest_power_set_and_cleared(run: Run) -> None:
    assert run("charger", "add", "depot-7").exit_code == 0
    assert run("charger", "power", "depot-7", "22.5").output == "Connectors of depot-7: at most 22.5 kW.\n"
    assert Charger.get().max_power_w == 22_500
    assert run("charger", "power", "depot-7", "--clear").output == "Connectors of depot-7: no greatest power is set.\n"
    assert Charger.get().max_power_w is None
    entries = AuditEntry.select().where(AuditEntry.action == "charger.power_set").order_by(AuditEntry.id)
    assert [entry.target for entry in entries] == ["depot-7", "depot-7"]
    assert [entry.detail for entry in entries] == ["none to 22500 W", "22500 W to none"]


@pytest.mark.parametrize("number", ["0", "2147483648", "9223372036854775808", "many"])
@pytest.mark.parametrize("command", ["bulk show", "frames export", "session recompute"])
def test_no_row_has_that_number(run: Run, command: str, number: str) -> None:
    refused = run(*command.split(), number)
    assert refused.exit_code == 2
    assert f"{number}: Type a whole number from 1 to 2147483647." in refused.output
