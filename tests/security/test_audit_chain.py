"""The audit log is a chain: a row that was changed, removed or inserted is found, and each has one successor."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from click.testing import Result
from peewee import DatabaseError, IntegrityError
from playhouse.migrations import Runner

from polaris import audit, models
from polaris.config import Config
from polaris.domain import audit_chain
from polaris.models import AuditEntry, blocking
from polaris.models.connection import MIGRATIONS
from tests.support.command_line import run_command
from tests.support.database import disconnect
from tests.support.postgres import Postgres

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WRITERS, ROWS = 8, 25

pytestmark = pytest.mark.both_databases


@blocking
def record(number: int) -> None:
    with models.database.atomic():
        audit.record("olga@example.com", "card.added", f"CARD-{number}", NOW, "ada@example.com")


@blocking
def record_from(address: str) -> None:
    acting = audit.acting_from.set(address)
    try:
        record(0)
    finally:
        audit.acting_from.reset(acting)


@pytest.fixture
def verify(database: None, config: Config) -> Callable[..., Result]:
    """Five rows, and the command that checks them."""
    for number in range(1, 6):
        record(number)
    return lambda *arguments: run_command(config, "audit", "verify", *arguments)


def change(sql: str) -> None:
    blocking(models.database.execute_sql)(sql)


def head(result: Result) -> str:
    return result.output.strip().rsplit(" ", 1)[1]


def test_untouched_log_holds(verify: Callable[..., Result]) -> None:
    result = verify()

    assert result.exit_code == 0
    assert result.output.startswith("The audit log holds: 5 rows, each following the one before.\n")
    assert verify("--head", head(result)).exit_code == 0


@pytest.mark.parametrize("column", ["actor", "action", "target", "detail"])
def test_changed_row_found(verify: Callable[..., Result], column: str) -> None:
    change(f"UPDATE audit_entry SET {column} = 'ben@example.com' WHERE id = 3")
    result = verify()

    assert result.exit_code == 1
    assert [line for line in result.output.splitlines() if line.startswith("Row")] == ["Row 3 was changed."]


@pytest.mark.parametrize("has_address", [True, False])
def test_changed_address_found(verify: Callable[..., Result], has_address: bool) -> None:
    record_from("198.51.100.7" if has_address else "")
    assert verify().exit_code == 0

    change("UPDATE audit_entry SET address = '203.0.113.1' WHERE id = 6")

    assert "Row 6 was changed." in verify().output


def test_removed_address_found(verify: Callable[..., Result]) -> None:
    record_from("198.51.100.7")
    with models.database.connection_context():
        salts = AuditEntry.get_by_id(6).values().salts
        kept = json.dumps({field: salt for field, salt in salts.items() if field != "address"})
        AuditEntry.update(address="", salts=kept).where(AuditEntry.id == 6).execute()

    assert "Row 6 was changed." in verify().output


def test_changed_instant_found(verify: Callable[..., Result]) -> None:
    change("UPDATE audit_entry SET at = at + 1 WHERE id = 5")

    assert "Row 5 was changed." in verify().output


def test_removed_row_found(verify: Callable[..., Result]) -> None:
    change("DELETE FROM audit_entry WHERE id = 3")

    assert "Row 4 does not follow row 2: what was between them was removed" in verify().output


def test_removed_first_row_found(verify: Callable[..., Result]) -> None:
    change("DELETE FROM audit_entry WHERE id = 1")

    assert "Row 2 does not begin the log" in verify().output


def test_replaced_row_found(verify: Callable[..., Result]) -> None:
    """A row that was made anew, with a hash that fits what it says, is not what the next row follows."""
    with models.database.connection_context():
        third, fourth = (AuditEntry.get_by_id(number).values() for number in (3, 4))
        AuditEntry.delete().where(AuditEntry.id >= 3).execute()
        audit.record("olga@example.com", "card.added", "CARD-666", NOW)
        AuditEntry.update(id=3).where(AuditEntry.previous_hash == third.previous_hash).execute()
        values = {name: getattr(fourth, name) for name in ("id", "at", "actor", "action", "target", "detail", "hash")}
        AuditEntry.create(**values, salts=json.dumps(fourth.salts), previous_hash=fourth.previous_hash)

    assert "Row 4 does not follow row 3: one of the two was inserted or replaced." in verify().output


def test_inserted_row_found(verify: Callable[..., Result]) -> None:
    change(
        "INSERT INTO audit_entry (at, actor, action, target, detail, salts, previous_hash, hash)"
        " VALUES (0, 'olga@example.com', 'card.added', 'CARD-666', '', '{}', 'made up', 'made up')"
    )
    result = verify()

    assert "Row 6 was changed." in result.output
    assert "Row 6 does not follow row 5" in result.output


@pytest.mark.parametrize("number", [0, -5])
def test_row_inserted_before_the_first_found(verify: Callable[..., Result], number: int) -> None:
    change(
        "INSERT INTO audit_entry (id, at, actor, action, target, detail, salts, erased, previous_hash, hash)"
        f" SELECT {number}, at, actor, action, target, detail, salts, erased, 'zz', hash FROM audit_entry WHERE id = 1"
    )
    result = verify()

    assert result.exit_code == 1
    assert f"Row {number} was changed." in result.output


@pytest.mark.parametrize(
    "values",
    [
        "salts = 'x'",
        "salts = '[1]'",
        "salts = '{\"actor\": 1}'",
        "salts = '" + "[" * 100_000 + "'",
        "erased = '[\"actor\"]'",
        "erased = '{\"actor\": []}'",
        "at = 9223372036854775807",
        "actor = x'ff00'",
        "hash = x'ff00'",
        "action = 5.5e300",
        "at = 'abc'",
        "at = 1.5",
    ],
    ids=lambda values: values[:30],
)
def test_unreadable_row_found(verify: Callable[..., Result], config: Config, values: str) -> None:
    try:
        change(f"UPDATE audit_entry SET {values} WHERE id = 3")
    except DatabaseError:
        return  # PostgreSQL's columns take only their types
    result = verify()

    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Row 3 was changed." in result.output
    assert "Row 5" not in result.output, "the check goes on"
    assert run_command(config, "audit", "list").exit_code == 0


def test_kept_head_proves_removal_of_newest_rows(verify: Callable[..., Result]) -> None:
    kept = head(verify())
    change("DELETE FROM audit_entry WHERE id = 5")

    assert verify().exit_code == 0  # the chain alone cannot tell
    result = verify("--head", kept)
    assert result.exit_code == 1
    assert f"The head {kept} is not in the log" in result.output
    assert "or the head was copied wrongly" in result.output


@pytest.mark.parametrize("word", ["abc", "g" * 64, "0" * 65])
def test_part_of_a_head_accuses_nobody(verify: Callable[..., Result], word: str) -> None:
    result = verify("--head", word)

    assert result.exit_code == 2
    assert f"'{word}' is not a head: a head is 64 hexadecimal characters." in result.output
    assert "not in the log" not in result.output


def test_no_row_follows_another_twice(verify: Callable[..., Result]) -> None:
    with models.database.connection_context(), pytest.raises(IntegrityError):
        AuditEntry.create(at=NOW, actor="", action="", target="", salts="{}", hash="", previous_hash=audit.FIRST)


def test_concurrent_writers_make_one_chain(database: None) -> None:
    """They begin together, each row in a transaction of its own."""
    barrier = threading.Barrier(WRITERS)
    failed: list[BaseException] = []

    def write(first: int) -> None:
        try:
            barrier.wait()
            for number in range(first, first + ROWS):
                record(number)
        except BaseException as error:
            failed.append(error)
        finally:
            models.close()

    threads = [threading.Thread(target=write, args=(1000 * place,)) for place in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = audit.verify()
    assert (failed, found.rows, found.problems) == ([], WRITERS * ROWS, ())


def test_listed_row_commands_no_terminal(database: None, config: Config) -> None:
    audit_record = blocking(audit.record)
    audit_record("ada@example.com", "device.signed_in", "ada@example.com", NOW, "Fire\x1b[2Jfox")

    output = run_command(config, "audit", "list").output
    assert "Fire�[2Jfox" in output
    assert "2026-11-23 12:00:00  ada@example.com        Signed in  device.signed_in" in output


@pytest.fixture
def old_log(request: pytest.FixtureRequest, database_url: str) -> Iterator[None]:
    """A database whose log is no chain yet, with 2,500 rows."""
    if database_url.startswith("sqlite"):
        url = database_url.replace("polaris.db", "old.db")
    else:
        server: Postgres = request.getfixturevalue("postgres_server")
        url = server.create_database()
    models.connect(url)
    Runner(models.database.obj, str(MIGRATIONS)).up("0020_check_digits")
    rows = ", ".join(f"({number}, 'olga', 'card.added', 'é', '')" for number in range(2500))
    change(f"INSERT INTO audit_entry (at, actor, action, target, detail) VALUES {rows}")
    yield
    disconnect()


def test_migration_chains_old_rows(old_log: None) -> None:
    models.migrate()
    record(1)

    assert (audit.verify().rows, audit.verify().problems) == (2501, ())
    change("UPDATE audit_entry SET actor = 'ben' WHERE id = 1500")
    assert [problem.row_id for problem in audit.verify().problems] == [1500]


def mark_erased(row_id: int, **words: str) -> None:
    """Rewrite words of a row with its seals kept, so that the chain holds."""
    with models.database.connection_context():
        row = AuditEntry.get_by_id(row_id).values()
        seals = audit_chain.seals(row)
        erased = json.dumps({field: seals[field] for field in words})
        AuditEntry.update(**words, erased=erased).where(AuditEntry.id == row_id).execute()


def test_invented_words_in_emptied_field_found(verify: Callable[..., Result]) -> None:
    mark_erased(3, actor="ben@example.com")
    result = verify()

    assert result.exit_code == 1
    assert "Row 3 has other words in the emptied actor than an erasure leaves." in result.output


@pytest.mark.parametrize("field", ["target", "detail"])
def test_emptied_erasure_found(verify: Callable[..., Result], field: str) -> None:
    """Else an erasure's row could be made to vouch for any number of emptied fields."""
    with models.database.connection_context(), models.database.atomic():
        audit.record("olga@example.com", audit_chain.ERASED, "erased account 7", NOW, "0 fields of the audit log")
    mark_erased(6, **{field: "erased account 7"})
    result = verify()

    assert result.exit_code == 1
    assert "Row 6 says what an erasure has emptied, and was emptied itself." in result.output
