"""A database of before keeps what is in it when it is upgraded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peewee import IntegrityError, SqliteDatabase
from playhouse.migrations import Runner

from polaris import models
from polaris.config import Config
from polaris.domain.cards import normal_id_tag
from polaris.ingest.facts.chargers import find
from polaris.models import ChargerNotice, ChargingSession, EvCard, SignIn
from polaris.models.connection import MIGRATIONS
from polaris.models.fields import BaseModel
from tests.conftest import settings_of
from tests.support.command_line import run_command
from tests.support.database import disconnect

SECOND_US = 1_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def first_tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the first release, with a charger in it."""
    is_sqlite = request.param == "sqlite"
    server = None if is_sqlite else request.getfixturevalue("postgres_server")
    url = f"sqlite:///{tmp_path / 'old.db'}" if server is None else server.create_database()
    models.connect(url)
    Runner(models.database.obj, str(MIGRATIONS)).up("0001_first_tables")
    models.database.execute_sql(
        "INSERT INTO charger"
        " (identity, name, site_id, key_hash, key_version, protocol, vendor, model, serial, firmware)"
        " VALUES ('depot-7', 'Depot 7', 1, 'a-hash', 3, '', '', '', '', '')"
    )
    yield url
    disconnect()
    if server is not None:
        server.drop_database(url)


@pytest.fixture
def old_sessions(first_tables: str) -> None:
    """Session 1 has ended with the figure of a placeholder, as release 0.2.0 made it out; session 2 goes on."""
    runner = Runner(models.database.obj, str(MIGRATIONS))
    runner.up("0008_ended_sessions")
    for number, state, ended_at, energy_wh in (
        (1, "completed", 3600 * SECOND_US, 4_293_966_295),
        (2, "active", None, 3000),
    ):
        values = {
            "number": number, "charger_id": 1, "connector": 1, "id_tag": "ADA-1", "authorization": "Accepted",
            "start_key": f"start {number}", "state": state, "connector_status": "", "started_at": 0,
            "ended_at": ended_at, "start_received_at": 0, "stop_reason": "", "meter_start_wh": 1_000_000,
            "base_wh": 1_000_000, "before_wh": 0, "energy_wh": energy_wh, "last_heard_at": 1800 * SECOND_US,
            "last_reading_at": ended_at or 1800 * SECOND_US, "is_awaiting_end": False, "revision": 7,
        }  # fmt: skip
        _insert("charging_session", values)
    readings = (
        (1, 600, 1_001_000),
        (1, 1200, 2**32 - 1),
        (1, 1800, 1_003_000),
        (1, 3600, 1_006_000),
        (2, 1800, 1_003_000),
    )
    for session, second, register_wh in readings:
        at, energy_wh = second * SECOND_US, register_wh - 1_000_000
        values = {"session_id": session, "sampled_at": at, "received_at": at, "context": "Sample.Periodic"}
        figures = {"register_wh": register_wh, "energy_wh": energy_wh, "is_final": second == 3600}
        _insert("meter_reading", values | figures)


def _insert(table: str, values: dict[str, object]) -> None:
    names = [f'"{name}"' for name in values]
    marks = ", ".join([models.database.param] * len(values))
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
    models.database.execute_sql(sql, list(values.values()))


@pytest.mark.field(107)
def test_history_changes_by_recompute_alone(
    old_sessions: None, first_tables: str, redis_url: str, tmp_path: Path
) -> None:
    models.migrate()
    columns = (ChargingSession.energy_wh, ChargingSession.revision)
    before = [(4_293_966_295, 7), (3000, 7)]
    query = ChargingSession.select(*columns).order_by(ChargingSession.number)
    assert list(query.tuples()) == before
    config = Config.from_env(settings_of(first_tables, redis_url, tmp_path))
    arguments = ["session", "recompute", "--all"]
    dry = run_command(config, *arguments, "--dry-run")
    assert "Session 1: 4293966.29 kWh → 6.00 kWh\n" in dry.output
    assert "Sessions: 2. Other figure: 1" in dry.output
    assert list(query.tuples()) == before
    assert "Session 1: 4293966.29 kWh → 6.00 kWh\n" in run_command(config, *arguments).output
    assert [energy_wh for energy_wh, _ in query.tuples()] == [6000, 3000]
    assert "Sessions: 2. Other figure: 0, other notes alone: 0, as before: 2." in run_command(config, *arguments).output


def test_old_charger_gets_profile_1(first_tables: str) -> None:
    models.migrate()
    charger = find(["depot-7"])
    assert charger is not None
    assert (charger.key_hash, charger.key_version, charger.security_profile) == ("a-hash", 3, 1)
    assert (charger.next_key_hash, charger.next_key_version) == ("", 0)


@pytest.mark.field(133)
def test_contract_ids_lose_hyphens(first_tables: str) -> None:
    Runner(models.database.obj, str(MIGRATIONS)).up("0016_charging_cards")
    account = {"email": "ada@example.com", "password_hash": "", "role": "driver", "status": "active", "created_at": 0}
    _insert("account", account)
    for id_tag, status in (
        ("DE-8AA-C12345678-X", "active"),
        ("FR-8AA-C12345678", "blocked"),
        ("FR8AAC12345678", "active"),
        ("AB-12", "active"),
    ):
        _insert("ev_card", {"account_id": 1, "id_tag": id_tag, "status": status, "created_at": 0})
    models.migrate()
    cards = EvCard.select(EvCard.id_tag, EvCard.status).order_by(EvCard.id)
    assert list(cards.tuples()) == [
        ("DE8AAC12345678X", "active"),
        ("FR-8AA-C12345678", "blocked"),  # no charger's card is it any more
        ("FR8AAC12345678", "blocked"),
        ("AB-12", "active"),
    ]


def test_contract_ids_lose_check_digits(first_tables: str) -> None:
    Runner(models.database.obj, str(MIGRATIONS)).up("0019_meter_power")
    account = {"email": "ada@example.com", "password_hash": "", "role": "driver", "status": "active", "created_at": 0}
    _insert("account", account)
    for id_tag, status in (
        ("DE8AA0012345670", "active"),
        ("FRXYZ1234567892", "blocked"),
        ("FRXYZ123456789", "active"),
        ("FRXYZ1234567893", "active"),
        ("123451234567890", "active"),
    ):
        _insert("ev_card", {"account_id": 1, "id_tag": id_tag, "status": status, "created_at": 0})
    models.migrate()
    cards = EvCard.select(EvCard.id_tag, EvCard.status).order_by(EvCard.id)
    assert list(cards.tuples()) == [
        ("DE8AA001234567", "active"),
        ("FRXYZ1234567892", "blocked"),  # no charger's card is it any more
        ("FRXYZ123456789", "blocked"),
        ("FRXYZ1234567893", "active"),
        ("123451234567890", "active"),
    ]
    assert all(normal_id_tag(card.id_tag) == card.id_tag for card in EvCard.select() if card.id != 2)


def test_old_notice_is_first_part(first_tables: str) -> None:
    models.database.execute_sql(
        "INSERT INTO charger_notice (charger_id, topic, payload, received_at) VALUES (1, 'LogStatus', '{}', 5)"
    )
    models.migrate()
    (notice,) = ChargerNotice.select()
    assert (notice.topic, notice.payload, notice.request, notice.part) == ("LogStatus", "{}", "", 0)
    values = {"charger": 1, "topic": "LogStatus", "payload": "{}", "received_at": datetime.now(UTC)}
    ChargerNotice.create(**values, part=1)
    with pytest.raises(IntegrityError):
        ChargerNotice.create(**values, part=0)


def test_old_sign_in_is_to_be_confirmed(first_tables: str) -> None:
    account = {"email": "ada@example.com", "password_hash": "", "role": "driver", "status": "active", "created_at": 0}
    _insert("account", account)
    sign_in = {"id": "a-device", "account_id": 1, "user_agent": "", "created_at": 5, "last_seen_at": 5}
    _insert("sign_in", sign_in)
    models.migrate()
    assert SignIn.get().confirmed_at == models.EPOCH


def test_running_meter_goes_on(first_tables: str) -> None:
    Runner(models.database.obj, str(MIGRATIONS)).up("0018_reports_apart")
    chain = [2, 1, 1000, 0, 4000, 1800000000, 1800000000, 3, 3, 2, 3000, True, True, False, False, 1800000000]
    stored = [1000, 0, 0, 22_000, 2, [chain], [], 7200, 3000, True, 3, 0, False, None, True]
    values = {
        "number": 1, "charger_id": 1, "connector": 1, "id_tag": "ADA-1", "authorization": "Accepted",
        "start_key": "start 1", "state": "active", "connector_status": "", "started_at": 0, "start_received_at": 0,
        "stop_reason": "", "meter_start_wh": 1000, "energy_wh": 3000, "last_heard_at": 0, "is_awaiting_end": False,
        "revision": 1, "meter": json.dumps(stored),
    }  # fmt: skip
    _insert("charging_session", values)
    models.migrate()
    meter = ChargingSession.get().values().meter
    assert (meter.max_power_w, meter.shown_wh, meter.work_wus) == (22_000, 3000, 0)
    assert [chain.energy_wh for chain in meter.chains] == [3000]


def test_columns_take_null_if_their_models_do(first_tables: str) -> None:
    models.migrate()
    differing = {
        (model._meta.table_name, column.name)
        for model in BaseModel.__subclasses__()
        for column in models.database.get_columns(model._meta.table_name)
        if not column.primary_key and column.null != model._meta.columns[column.name].null
    }
    is_sqlite = isinstance(models.database.obj, SqliteDatabase)
    assert differing == ({("charging_session", "site_id")} if is_sqlite else set())  # which its triggers forbid


@pytest.mark.usefixtures("old_sessions")
def test_session_without_site_is_refused() -> None:
    models.migrate()
    assert [session.site_id for session in ChargingSession.select()] == [1, 1]
    with pytest.raises(IntegrityError), models.database.atomic():
        models.database.execute_sql("UPDATE charging_session SET site_id = NULL WHERE number = 2")
    row = ChargingSession.get_by_id(2).__data__ | {"number": 3, "site": None, "start_key": "start 3"}
    with pytest.raises(IntegrityError), models.database.atomic():
        ChargingSession.insert(row).execute()
