"""A database of before keeps what is in it when it is upgraded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peewee import IntegrityError
from playhouse.migrations import Runner

from polaris import models
from polaris.ingest.facts.chargers import find
from polaris.models import ChargerNotice
from polaris.models.connection import MIGRATIONS


@pytest.fixture(params=["sqlite", "postgresql"])
def first_tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """A database of the first release, with a charger in it."""
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
    yield
    models.close()
    if server is not None:
        models.database.obj.close_all()
        server.drop_database(url)


def test_old_charger_gets_profile_1(first_tables: None) -> None:
    models.migrate()
    charger = find(["depot-7"])
    assert charger is not None
    assert (charger.key_hash, charger.key_version, charger.security_profile) == ("a-hash", 3, 1)
    assert (charger.next_key_hash, charger.next_key_version) == ("", 0)


def test_old_notice_is_first_part(first_tables: None) -> None:
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
