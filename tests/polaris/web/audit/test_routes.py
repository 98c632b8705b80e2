"""The audit page: what it shows, filters and exports, to operators alone, and that it follows what happens."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration, audit
from polaris.audit import record
from polaris.domain.enums import Role
from polaris.lists import search
from polaris.models import AuditEntry, blocking
from polaris.services import NAME
from polaris.web.audit import queries
from polaris.web.audit.queries import Wanted
from polaris.web.audit.topic import AuditTopic
from polaris.web.csv_export import SignedOut
from tests.polaris.domain.test_filters import HOSTILE
from tests.support import csv_files, forms, plans
from tests.support.cast import Cast
from tests.support.pages import Open, direct

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROW = re.compile(r'<tr id="audit-(\d+)"')
PATHS = ("/audit", "/audit.csv", "/live/audit", "/live/audit?once=")


@blocking
def add(actor: str, action: str, target: str, at: datetime = NOON, detail: str = "") -> None:
    record(actor, action, target, at, detail)


@pytest.fixture
def rows(cast: Cast) -> None:
    add("olga@example.com", "charger.blocked", "depot-7", detail="for good")
    add("command line", "charger.blocked", "depot-8", NOON + timedelta(days=1))
    add("address 198.51.100.7", "sign_in.failed", "ada@example.com", NOON + timedelta(days=2))


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def shown(client: FlaskClient, **query: str) -> list[str]:
    """The targets of the rows that the page shows."""
    html = client.get("/audit", query_string=query).text
    return re.findall(r'data-label="Target">\s*<a[^>]*>([^<]+)</a>', html)


def test_command_is_in_words(app: Flask, olga: FlaskClient, rows: None) -> None:
    add("olga@example.com", "command.requested", "depot-7", detail='reset {"is_hard":true}')
    add("olga@example.com", "bulk.start", "bulk 1", detail='set-configuration {"key":"A","value":"1"}, 2 chargers')
    add("olga@example.com", "command.dry_run", "depot-7", detail='reset {"is_ha')
    add("olga@example.com", "charger.blocked", "depot-7", detail='reset {"is_hard":true}')
    listed = app.test_cli_runner().invoke(args=["audit", "list"]).output
    for text in (text_of(olga.get("/audit").text), listed):
        assert "Reset, Hard" in text
        assert "Set configuration, Key A, Value 1, 2 chargers" in text
        assert text.count('reset {"is_ha') == 2
    assert 'reset {""is_hard"":true}' in olga.get("/audit.csv").text


@pytest.mark.both_databases
def test_row_says_who_did_what_to_what_and_when(olga: FlaskClient, rows: None) -> None:
    page = olga.get("/audit?target=depot-7&actor=olga@example.com").text
    assert "Blocked charger 20 Nov 2026, 12:00:00 UTC depot-7 olga@example.com for good" in text_of(page)
    assert "1 entry matches" in page
    assert "Not signed in from 198.51.100.7" in text_of(olga.get("/audit?action=sign_in.failed").text)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("query", "targets"),
    [
        ({"action": "charger.blocked"}, ["depot-8", "depot-7"]),
        ({"action": "charger.blocked", "actor": "command line"}, ["depot-8"]),
        ({"target": " depot-7 ", "action": "charger.blocked"}, ["depot-7"]),
        ({"action": "charger.blocked", "from": "2026-11-21"}, ["depot-8"]),
        ({"action": "charger.blocked", "to": "2026-11-20"}, ["depot-7"]),
        ({"from": "2026-11-20", "to": "2026-11-21"}, ["depot-8", "depot-7"]),
    ],
)
def test_filters(olga: FlaskClient, rows: None, query: dict[str, str], targets: list[str]) -> None:
    assert shown(olga, **query) == targets


def test_change_says_from_where(olga: FlaskClient, cast: Cast) -> None:
    environ = {"REMOTE_ADDR": "203.0.113.8"}
    fields = forms.fields(olga.get("/actions/charger/name?identity=depot-7").text)
    olga.post("/actions/charger/name", data=fields | {"name": "Yard"}, environ_overrides=environ)

    assert AuditEntry.get(AuditEntry.action == "charger.renamed").address == "203.0.113.8"
    assert "from 203.0.113.8" in olga.get("/audit").text
    assert ",olga@example.com,203.0.113.8,Renamed charger," in olga.get("/audit.csv").text
    assert audit.acting_from.get() == ""


def test_no_match_offers_to_clear_filters(olga: FlaskClient) -> None:
    page = olga.get("/audit?actor=nobody").text
    assert "No matching entries." in page
    assert page.count("Clear filters") == 1
    assert "0 entries match" in page
    assert "Download as CSV" not in page


def test_pages(olga: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE_ROWS", 2)
    for number in range(5):
        add("olga", "charger.blocked", f"c-{number}", NOON + timedelta(minutes=number))
    seen, path = [], "/audit?action=charger.blocked"
    while path:
        page = olga.get(path).text
        seen += re.findall(r">(c-\d)<", page)
        link = re.search(r'href="([^"]+)"\s+rel="next"', page)
        path = unescape(link[1]) if link else ""
        assert ("Newest" in page) == (len(seen) > 2)
    assert seen == ["c-4", "c-3", "c-2", "c-1", "c-0"]


def test_search_that_stops_says_so(olga: FlaskClient, rows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_SCANNED", 1)
    page = olga.get("/audit?action=charger.blocked&actor=olga@example.com").text
    assert "No match among the newest entries. Older ones may match." in page
    assert "0+ entries match" in page
    older = re.search(r'href="([^"]+)"\s+rel="next"', page)
    assert older
    assert "depot-7" in olga.get(unescape(older[1])).text


# The file.


def exported(client: FlaskClient, **query: str) -> list[dict[str, str]]:
    return csv_files.exported(client, "/audit.csv", **query)


@pytest.mark.both_databases
def test_file_has_what_is_filtered(olga: FlaskClient, rows: None) -> None:
    first, second = exported(olga, action="charger.blocked")
    assert (first["target"], second["target"]) == ("depot-8", "depot-7")
    assert (second["who"], second["what"], second["at (UTC)"]) == (
        "olga@example.com",
        "Blocked charger",
        "2026-11-20 12:00:00",
    )
    (failed,) = exported(olga, action="sign_in.failed")
    assert (failed["who"], failed["from address"]) == ("", "198.51.100.7")
    assert exported(olga, actor="nobody") == []


def test_file_of_many_batches(olga: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polaris.web.csv_export.BATCH_ROWS", 2)
    for number in range(5):
        add("olga", "charger.blocked", f"c-{number}")
    assert [row["target"] for row in exported(olga, actor="olga")] == ["c-4", "c-3", "c-2", "c-1", "c-0"]


def test_file_ends_when_its_reader_is_signed_out(olga: FlaskClient, cast: Cast, app: Flask, monkeypatch) -> None:
    monkeypatch.setattr("polaris.web.csv_export.BATCH_ROWS", 2)
    for number in range(5):
        add("olga", "charger.blocked", f"c-{number}")
    pieces = iter(olga.get("/audit.csv").response)
    assert "row,at (UTC)" in next(pieces).decode()
    publisher = app.extensions[NAME].publisher
    administration.sign_out_everywhere(publisher, cast.olga.id, actor="tests", now=datetime.now(UTC))
    with pytest.raises(SignedOut):
        list(pieces)


def test_file_has_no_formula(olga: FlaskClient) -> None:
    add("=HYPERLINK(1)", "@SUM(1)", "+1", detail="-1;=2")
    (row,) = exported(olga, actor="=HYPERLINK(1)")
    assert (row["who"], row["action"], row["target"], row["detail"]) == ("'=HYPERLINK(1)", "'@SUM(1)", "'+1", "'-1;'=2")


# Hostile input and refusals.


@pytest.mark.both_databases
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_filter(olga: FlaskClient, rows: None, value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    for name in ("actor", "action", "target", "from", "to", "before"):
        for path in ("/audit", "/audit.csv", "/live/audit"):
            answer = olga.get(path, query_string={name: value} | ({"once": ""} if "live" in path else {}))
            assert answer.status_code in (200, 422)
            assert "<script>alert" not in answer.text


def test_hostile_row_is_escaped(olga: FlaskClient) -> None:
    add("<script>alert(1)</script>", "<i>.odd", "\"><img src=x onerror='1'>", detail="</table>")
    page = olga.get("/audit").text
    assert not re.search(r"<script>alert|<i>|<img|</table>.*</table>", page, re.DOTALL)


@pytest.mark.parametrize("path", PATHS)
def test_driver_gets_404(client: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(client, cast.ada)
    assert client.get(path).status_code == 404
    assert 'href="/audit"' not in client.get("/sessions").text


@pytest.mark.parametrize("path", PATHS)
def test_visitor_is_asked_to_sign_in(client: FlaskClient, cast: Cast, path: str) -> None:
    assert client.get(path).status_code == (401 if "live" in path else 302)


# Live.


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_page_follows_what_people_do(app: Flask, cast: Cast, open_: Open) -> None:
    page = open_(AuditTopic(Wanted.of({"action": "device.signed_in"})), cast.olga, role=Role.OPERATOR)
    assert page.shows("No matching entries.", in_="audit-list")
    forms.sign_in(app.test_client(), cast.ada)
    assert page.shows(cast.ada.email, in_="audit-list")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"actor": "olga@example.com"},
        {"action": "charger.blocked", "target": "depot-7"},
        {"actor": "x", "action": "card.blocked", "target": "z", "from": "2026-11-01", "to": "2026-11-29"},
    ],
)
def test_page_and_file_read_no_whole_table(olga: FlaskClient, rows: None, query: dict[str, str]) -> None:
    with plans.executed() as statements:
        olga.get("/audit", query_string=query)
        olga.get("/audit", query_string=query | {"before": "2"})
        olga.get("/audit.csv", query_string=query).get_data()
    of_log = [(sql, values) for sql, values in statements if "audit_entry" in sql]
    assert of_log
    assert plans.full_scans(of_log) == []


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "wanted", [{"target": "DEPOT-7"}, {"actor": "OLGA@Example.com"}, {"target": "ADA@example.com"}]
)
def test_names_are_found_however_they_are_typed(olga: FlaskClient, cast: Cast, wanted: dict[str, str]) -> None:
    forms.fill_in(olga, "/actions/charger/block?identity=depot-7")
    forms.fill_in(olga, f"/actions/account/status?email={cast.ada.email}", status="suspended")
    assert {row["action"] for row in exported(olga, **wanted)} & {"charger.blocked", "account.status_changed"}
