"""Operators' lists: what their topic watches and pushes, and filters that are not understood."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import pubsub
from polaris.models import Account, AuditEntry, bounded_count
from polaris.push.topic import WHOLE, RenderSettings
from polaris.web.lists import ListTopic
from tests.support.cast import Cast

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


class OneLine(ListTopic):
    template = "errors/error.html"
    root_id = "line"

    def page(self, now: datetime) -> object:
        return now


def test_any_record_has_the_page_read_again() -> None:
    topic = OneLine("filter")
    (notification,) = pubsub.records_changed()
    assert topic.channels == (notification.channel,)
    assert topic.changes(pubsub.decode(notification.message)) == WHOLE
    assert topic.read(frozenset({WHOLE}), NOW, RenderSettings("", timedelta())).value == NOW
    assert topic.pace_s == 1.0


@pytest.mark.both_databases
def test_count_is_bounded(app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bounded_count(Account.select()) == 3
    monkeypatch.setattr("polaris.models.counting.MAX_COUNTED", 1)
    assert bounded_count(Account.select()) == 2


WRONG = [
    ("/sessions", "from", "2026-13-45", "There is no day 2026-13-45."),
    (
        "/sessions",
        "status",
        "Running",
        "There is no status Running. Choose one of active (In progress), completed (Completed), all.",
    ),
    ("/sessions", "in_doubt", "yes", "There is no in_doubt yes."),
    ("/audit", "to", "29.11.2026", "Type a day as year, month and day, such as 2026-11-23."),
    ("/audit", "action", "nothing.done", "There is no action nothing.done."),
    ("/people", "role", "owner", "There is no role owner. Choose one of driver, operator."),
    ("/people", "status", "<b>", "There is no status <b>."),
    ("/cards", "state", "lost", "There is no state lost."),
    ("/tariffs", "site", "Harbour", "There is no site Harbour."),
    ("/fleet", "state", "faulted", "There is no state faulted."),
    ("/fleet", "order", "size", "There is no order size."),
    ("/fleet", "text", "x" * 101, "This has more than 100 characters."),
    ("/fleet/depot-7/messages", "direction", "in", "There is no direction in."),
    ("/fleet/depot-7/messages", "bad", "2", "There is no bad 2."),
]


@pytest.mark.parametrize(("path", "name", "text", "sentence"), WRONG)
def test_wrong_value_is_named_beside_its_field_and_finds_nothing(
    olga: FlaskClient, cast: Cast, path: str, name: str, text: str, sentence: str
) -> None:
    answer = olga.get(path, query_string={name: text})

    page = unescape(answer.text)
    assert answer.status_code == 422
    assert "This filter is not understood, so nothing was looked for." in page
    beside = page.partition(f'id="{name}"')[2].partition('class="field"')[0]
    assert sentence in beside
    assert f'value="{text}"' in beside
    assert 'role="rowheader"' not in page
    assert 'class="fleet-row' not in page
    assert "No matching" not in page
    assert 'class="list-count' not in page


@pytest.mark.parametrize(
    "path", sorted({path for path, *_ in WRONG} | {"/people.csv", "/cards.csv", "/bulk/new/reset"})
)
def test_mistyped_name_finds_nothing(olga: FlaskClient, cast: Cast, path: str) -> None:
    answer = olga.get(f"{path}?statuss=active")

    assert answer.status_code == 422
    assert "It is not possible to filter by statuss." in answer.text
    assert 'role="rowheader"' not in answer.text


@pytest.mark.parametrize("name", ["endpoint", "identity", "_method", "_external", "_scheme"])
@pytest.mark.parametrize("path", sorted({path for path, *_ in WRONG} | {"/fleet/depot-7/messages"}))
def test_name_of_an_argument_of_ours_finds_nothing(olga: FlaskClient, cast: Cast, path: str, name: str) -> None:
    answer = olga.get(path, query_string={name: "x"})

    assert (answer.status_code, f"It is not possible to filter by {name}." in answer.text) == (422, True)
    for stream in re.findall(r'id="stream" data-address="([^"]+)"', answer.text):
        assert 'role="rowheader"' not in olga.get(f"{unescape(stream)}&once").text


def test_first_day_after_the_last_one(olga: FlaskClient, cast: Cast) -> None:
    for path in ("/sessions", "/audit"):
        answer = olga.get(f"{path}?from=2026-12-01&to=2026-11-30")
        assert (answer.status_code, answer.text.count("This day is before 2026-12-01")) == (422, 1)


@pytest.mark.parametrize(
    "address", ["/people.csv?role=owner", "/cards.csv?state=lost", "/sessions.csv?from=x", "/audit.csv?action=x"]
)
def test_no_file_of_a_filter_that_is_not_understood(olga: FlaskClient, cast: Cast, address: str) -> None:
    answer = olga.get(address)

    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    assert "This filter is not understood" in answer.text
    assert not AuditEntry.select().where(AuditEntry.action == "list.exported").exists()


@pytest.mark.parametrize(
    ("path", "list_id"), [("/people?role=owner", "people-list"), ("/cards?state=lost", "cards-list")]
)
def test_stream_of_a_wrong_filter_finds_nothing_either(olga: FlaskClient, cast: Cast, path: str, list_id: str) -> None:
    stream = unescape(re.findall(r'data-address="([^"]*)"', olga.get(path).text)[0])
    pushed = olga.get(f"{stream}&once=").text
    assert list_id in pushed
    assert "rowheader" not in pushed


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("session list --from 2026-13-45", "from: There is no day 2026-13-45."),
        ("session list --from 2026-12-01 --to 2026-11-30", "to: This day is before 2026-12-01"),
        ("session list --status Running", "status: There is no status Running."),
        ("audit list --action nothing", "action: There is no action nothing."),
        ("account list --role owner", "role: There is no role owner."),
        ("card list --state lost", "state: There is no state lost."),
        ("charger list --state faulted", "state: There is no state faulted."),
        ("frames list depot-7 --direction in", "direction: There is no direction in."),
        ("bulk dry-run reset --filter state=faulted", "There is no state faulted."),
    ],
)
def test_wrong_value_is_an_error_on_the_command_line(app: Flask, cast: Cast, command: str, sentence: str) -> None:
    done = app.test_cli_runner().invoke(args=command.split())
    assert done.exit_code == 1
    assert sentence in done.output
