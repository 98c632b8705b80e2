"""`charger list` and `account list` take the filters of their pages."""

from __future__ import annotations

import pytest
from flask import Flask

from polaris import administration
from polaris.config import Config
from polaris.domain.enums import AccountStatus
from polaris.domain.facts import ChargerBooted
from polaris.pubsub import Publisher
from polaris.services import NAME
from tests.support import cast as cast_
from tests.support import plans
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging


def run(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def firsts(output: str) -> list[str]:
    """The first cells of a table."""
    return [line.split("  ")[0] for line in output.splitlines()[1:]]


@pytest.mark.both_databases
def test_chargers(app: Flask, cast: Cast, charging: Charging, config: Config) -> None:
    assert run(app, "charger", "list", "--state", "Charging") == "No matching chargers.\n"
    cast_.add_charger(config, "depot-8", name="Depot 8 <b>")
    charging.status("Charging")
    charging.status("Faulted", connector=2)
    base = {"charger_id": charging.charger.id, "received_at": now()}
    evil = "Acme\x1b[31m\n"
    charging.ingest.store([ChargerBooted(vendor=evil, model="Fast", serial="", firmware=evil, **base)], now())
    listed = run(app, "charger", "list")
    assert firsts(listed) == ["depot-7", "depot-8"]
    assert "1 Charging, 2 Faulted" in listed
    assert "never" in listed
    assert "\x1b" not in listed
    for arguments, found in (
        (("--connectivity", "online"), ["depot-7"]),
        (("--connectivity", "offline"), ["depot-8"]),
        (("--state", "Faulted"), ["depot-7"]),
        (("--text", "DEPOT 8"), ["depot-8"]),
    ):
        assert firsts(run(app, "charger", "list", *arguments)) == found
    first = run(app, "charger", "list", "--limit", "1")
    assert "1 of 2, page 1 of 2." in first
    assert "depot-8" in run(app, "charger", "list", "--limit", "1", "--page", "2")
    assert run(app, "charger", "list", "--page", "9") == "No more chargers.\n"


def test_no_chargers(app: Flask) -> None:
    assert run(app, "charger", "list") == "No chargers yet.\n"


@pytest.mark.both_databases
def test_accounts(app: Flask, cast: Cast) -> None:
    publisher: Publisher = app.extensions[NAME].publisher
    administration.set_account_status(publisher, cast.ben.email, AccountStatus.STOPPED, actor=ACTOR, now=now())
    assert set(firsts(run(app, "account", "list"))) == {cast.ada.email, cast.ben.email, cast.olga.email}
    assert firsts(run(app, "account", "list", "--email", "AD")) == [cast.ada.email]
    assert firsts(run(app, "account", "list", "--role", "operator")) == [cast.olga.email]
    assert firsts(run(app, "account", "list", "--status", "stopped")) == [cast.ben.email]
    assert run(app, "account", "list", "--email", "nobody") == "No matching accounts.\n"
    assert len(firsts(run(app, "account", "list", "--limit", "1"))) == 1


@pytest.mark.both_databases
def test_accounts_read_no_whole_table(app: Flask, cast: Cast) -> None:
    with plans.executed() as statements:
        run(app, "account", "list", "--email", "a")
        run(app, "account", "list", "--role", "driver", "--status", "active")
    assert plans.full_scans(statements) == []
