"""`session list` takes the filters of the page, and says the same words."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.config import Config
from polaris.domain.fleet_query import SHOW_WORDS
from polaris.lists.sessions import STATUS_WORDS
from tests.support import listed_sessions
from tests.support.command_line import run_command


@pytest.fixture
def many(database: None) -> None:
    listed_sessions.fill(20)


def listed(config: Config, *arguments: str) -> list[str]:
    result = run_command(config, "session", "list", *arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


@pytest.mark.both_databases
def test_filters(config: Config, many: None) -> None:
    assert len(listed(config)) == 21
    lines = listed(config, "--site", "Tokyo", "--status", "completed")[1:]
    assert lines
    assert all("Tokyo" in line and "In progress" not in line for line in lines)
    assert len(listed(config, "--limit", "3")) == 4
    doubted = listed(config, "--in-doubt", "--from", "2026-03-28", "--to", "2026-04-02")[1:]
    assert doubted
    assert all("Estimate" in line or "note" in line for line in doubted)


def test_totals(config: Config, many: None) -> None:
    *_, totals, left_out = listed(config, "--totals", "--limit", "1")
    assert totals.startswith("Sessions: 20. Energy: ")
    assert "EUR" in totals
    assert left_out.startswith("Not in the sums: ")


def test_nothing_found(config: Config, database: None) -> None:
    assert listed(config) == ["No sessions yet."]
    assert listed(config, "--driver", "nobody@example.com") == ["No matching sessions."]


def test_values_of_filters_have_the_words_of_the_page(app: Flask, olga: FlaskClient, config: Config) -> None:
    """What the table shows is no value: the help and the error name both."""
    refused = run_command(config, "session", "list", "--status", "In progress")
    assert "Choose one of active (In progress), completed (Completed)" in refused.output
    for group, path, words in (("session", "/sessions", STATUS_WORDS), ("charger", "/fleet", SHOW_WORDS)):
        said = " ".join(run_command(config, group, "list", "--help").output.split())
        page = olga.get(path).text
        for value, shown in words.items():
            assert f"{value}: {shown}" in said
            assert f'<option value="{value}">{shown}</option>' in page
