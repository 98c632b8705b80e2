"""The demonstration: consistent, and only where nobody has an account yet."""

from __future__ import annotations

import csv
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from polaris import charger_keys, demo
from polaris.config import Config
from polaris.domain.enums import SessionState
from polaris.models import Account, Charger, ChargingSession, MeterReading, Site, UnprocessableFact
from tests.support import forms
from tests.support.cast import Cast, Person

Seed = Callable[[], Result]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "made" / "chargers.csv"


@pytest.fixture
def seed(app: Flask, file: Path) -> Seed:
    return lambda: app.test_cli_runner().invoke(args=["demo", "seed", "--chargers-file", str(file)])


def test_printed_passwords_sign_in(seed: Seed, client: FlaskClient) -> None:
    printed = seed().output

    for email in (demo.DRIVER, demo.OPERATOR):
        assert f"Sign in as {email} with the password {demo.PASSWORD}" in printed
    forms.sign_in(client, Person(1, demo.DRIVER, demo.PASSWORD))
    assert client.get("/sessions").status_code == 200
    numbers = [found.number for found in ChargingSession.select()]
    assert {client.get(f"/sessions/{number}").status_code for number in numbers} == {200}


@pytest.mark.both_databases
def test_sessions_are_finished_and_add_up(seed: Seed) -> None:
    seed()
    now = datetime.now(UTC)

    sessions = list(ChargingSession.select().order_by(ChargingSession.number))
    assert [found.state for found in sessions].count(SessionState.ESTIMATED) == 1
    assert [found.state for found in sessions].count(SessionState.COMPLETED) == len(sessions) - 1 == 7
    assert not UnprocessableFact.select().exists()
    assert sessions == sorted(sessions, key=lambda found: found.started_at)
    for found in sessions:
        assert found.account.email == demo.DRIVER
        assert found.tariff is not None
        assert now - timedelta(days=14) < found.started_at < found.ended_at < now
        readings = list(MeterReading.select().where(MeterReading.session == found).order_by(MeterReading.sampled_at))
        energies = [reading.energy_wh for reading in readings]
        assert len(readings) > 10
        assert energies == sorted(energies)
        assert energies[-1] == found.energy_wh > 3000
        assert readings[-1].is_final == (found.state == SessionState.COMPLETED)
    assert (Site.get().time_zone, Site.get().currency) == ("Europe/Berlin", "EUR")


def test_fleet_has_one_offline_charger(seed: Seed, client: FlaskClient) -> None:
    seed()
    forms.sign_in(client, Person(2, demo.OPERATOR, demo.PASSWORD))
    page = client.get("/fleet").text
    assert len(re.findall(r'data-status="offline"\s+role="row"', page)) == 1
    assert "Station Square 4" in page


def test_only_simulator_gets_the_keys(seed: Seed, file: Path, config: Config) -> None:
    seed()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [row["identity"] for row in rows] == ["depot-1", "harbour-1", "harbour-2"]
    for row in rows:
        charger = Charger.get(Charger.identity == row["identity"])
        key = row["password"].encode()
        assert charger_keys.matches(
            config.charger_key_secrets, charger.identity, key, charger.key_hash, charger.key_version
        )
        assert charger.name == row["name"]


def test_existing_account_stops_the_demo(seed: Seed, cast: Cast, file: Path) -> None:
    result = seed()

    assert result.exit_code == 0
    assert "nothing was done" in result.output
    assert Account.select().count() == 3
    assert not file.exists()


def test_unwritable_file_leaves_nothing(seed: Seed, file: Path) -> None:
    file.parent.write_text("not a directory")

    result = seed()

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert not Account.select().exists()
    assert not ChargingSession.select().exists()
