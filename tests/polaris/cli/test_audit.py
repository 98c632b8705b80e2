"""`audit list` takes the filters of the page, and says the same words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from polaris.audit import record
from polaris.config import Config
from polaris.lists import search
from polaris.models import blocking
from tests.support.command_line import run_command

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def rows(database: None) -> None:
    add = blocking(record)
    add("olga@example.com", "charger.blocked", "depot-7", NOON)
    add("command line", "charger.blocked", "depot-8", NOON + timedelta(days=1))
    add("olga@example.com", "card.added", "ADA-1", NOON + timedelta(days=2))


def listed(config: Config, *arguments: str) -> list[str]:
    result = run_command(config, "audit", "list", *arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[1:]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("arguments", "targets"),
    [
        ((), ["ADA-1", "depot-8", "depot-7"]),
        (("--actor", "olga@example.com"), ["ADA-1", "depot-7"]),
        (("--action", "charger.blocked"), ["depot-8", "depot-7"]),
        (("--action", "blocked Charger"), ["depot-8", "depot-7"]),
        (("--target", "depot-7"), ["depot-7"]),
        (("--from", "2026-11-21", "--to", "2026-11-21"), ["depot-8"]),
        (("--limit", "1"), ["ADA-1"]),
    ],
)
def test_filters(config: Config, arguments: tuple[str, ...], targets: list[str]) -> None:
    assert [line.split()[-1] for line in listed(config, *arguments)] == targets


def test_words_of_the_page(config: Config) -> None:
    (line,) = listed(config, "--target", "depot-7")
    assert "olga@example.com        Blocked charger  charger.blocked  depot-7" in line


def test_nothing_found(config: Config) -> None:
    assert run_command(config, "audit", "list", "--actor", "nobody").output == "No matching entries.\n"


def test_search_goes_on_behind_its_bound(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_SCANNED", 1)
    assert len(listed(config, "--actor", "olga@example.com", "--action", "charger.blocked")) == 1


def test_no_day(config: Config) -> None:
    result = run_command(config, "audit", "list", "--from", "29.11.2026")
    assert result.exit_code == 1
    assert "from: Type a day as year, month and day, such as 2026-11-23." in result.output
