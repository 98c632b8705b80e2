"""The operators' list of sessions: its columns, filters, totals and file, to operators alone, and live."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.domain.enums import Role
from polaris.models import Charger, ChargingSession
from polaris.web.sessions import listed
from polaris.web.sessions.listed import Wanted
from polaris.web.sessions.topic import OperatorSessionsTopic
from tests.polaris.domain.test_filters import HOSTILE
from tests.support import forms, listed_sessions
from tests.support.cast import Cast
from tests.support.charging import Charging
from tests.support.pages import Open, direct

LINE = re.compile(r'<tr id="session-(\d+)-line"')


@pytest.fixture
def many(cast: Cast) -> None:
    listed_sessions.fill(60)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def shown(client: FlaskClient, path: str = "/sessions", **query: str) -> list[int]:
    return [int(number) for number in LINE.findall(client.get(path, query_string=query).text)]


@pytest.mark.both_databases
def test_line_says_everything(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 3500)
    page = text_of(olga.get("/sessions").text)
    assert f"#{number} In progress {cast.ada.email} {cast.ada.id_tag} Depot 7 Connector 1 · Main" in page
    assert "2.50 kWh €1.20" in page
    assert "1 session " in page


def test_empty_texts(olga: FlaskClient) -> None:
    assert "No sessions yet." in olga.get("/sessions").text
    page = olga.get("/sessions?status=active").text
    assert "No matching sessions." in page
    assert page.count("Clear filters") == 1


@pytest.mark.both_databases
def test_filters_and_count(olga: FlaskClient, many: None) -> None:
    every = shown(olga)
    assert len(every) == listed.PAGE_ROWS
    active = shown(olga, status="active", site="Tokyo")
    assert 0 < len(active) < len(every)
    page = olga.get("/sessions?status=active&site=Tokyo").text
    assert f"{len(active)} sessions match" in page
    assert re.search(r'<option value="Tokyo" selected>', page)
    assert shown(olga, card="strange", to="2026-03-29") != []


@pytest.mark.both_databases
def test_pages_keep_filters(olga: FlaskClient, many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "PAGE_ROWS", 10)
    seen, path = [], "/sessions?status=completed"
    while path:
        page = olga.get(path).text
        seen += [int(number) for number in LINE.findall(page)]
        link = re.search(r'href="([^"]+)"\s+rel="next"', page)
        path = unescape(link[1]) if link else ""
        assert "status=completed" in path or not path
    assert (
        len(seen) == len(set(seen)) == ChargingSession.select().where(ChargingSession.ended_at.is_null(False)).count()
    )


@pytest.mark.both_databases
def test_totals(olga: FlaskClient, many: None) -> None:
    page = text_of(olga.get("/sessions?site=Tokyo&status=completed").text)
    assert "Estimated cost ¥" in page
    assert "whose energy is not known" in page
    assert "Add up" not in page


def test_totals_of_many_are_asked_for(olga: FlaskClient, many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "MAX_TOTALLED_UNASKED", 5)
    page = olga.get("/sessions").text
    assert "Estimated cost" not in page
    link = re.search(r'href="([^"]+)">Add up energy and cost', page)
    assert link
    assert "Estimated cost" in olga.get(unescape(link[1])).text


# The file.


def exported(client: FlaskClient, **query: str) -> list[dict[str, str]]:
    text = client.get("/sessions.csv", query_string=query).get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.both_databases
def test_file_has_what_is_filtered(olga: FlaskClient, many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polaris.web.csv_export.BATCH_ROWS", 7)
    query = {"site": "Tokyo", "status": "completed", "from": "2026-03-29"}
    rows = exported(olga, **query)
    assert [int(row["session"]) for row in rows] == shown(olga, **query)
    for row in rows:
        started = datetime.fromisoformat(row["started (UTC)"])
        assert (datetime.fromisoformat(row["started (site)"]) - started).total_seconds() == 9 * 3600
        assert (row["time zone"], row["duration_s"]) == ("Asia/Tokyo", "5400")
    assert {row["currency"] for row in rows} <= {"JPY", ""}
    assert {row["energy_wh"] for row in rows} <= {"", "0", "1234", "20000"}
    assert any("gap" in row["in doubt"] for row in exported(olga, in_doubt="1"))
    assert all(row["in doubt"] for row in exported(olga, in_doubt="1"))


def test_file_has_no_formula(olga: FlaskClient, many: None) -> None:
    Charger.update(name="=1+1").where(Charger.identity == "a-1").execute()
    assert {row["charger"] for row in exported(olga, charger="a-1")} == {"'=1+1"}
    assert "=1+1" in olga.get("/sessions?charger=a-1").text


# Hostile input and refusals.


@pytest.mark.both_databases
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_filter(olga: FlaskClient, many: None, value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    names = ("status", "from", "to", "driver", "card", "charger", "site", "in_doubt", "before", "totals")
    for path in ("/sessions", "/sessions.csv", "/live/sessions"):
        query = dict.fromkeys(names, value) | ({"once": ""} if "live" in path else {})
        answer = olga.get(path, query_string=query)
        assert answer.status_code in (200, 422)
        assert "<script>alert" not in answer.text


def test_hostile_charger_is_escaped(olga: FlaskClient, many: None) -> None:
    Charger.update(name="<script>alert(1)</script>").execute()
    assert "<script>alert" not in olga.get("/sessions").text


def test_driver_has_no_filter_of_others(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ben.id_tag)
    forms.sign_in(client, cast.ada)
    for path in ("/sessions?", "/live/sessions?once=&"):
        page = client.get(f"{path}driver={cast.ben.email}").text
        assert f"session-{number}" not in page
    assert client.get(f"/sessions.csv?driver={cast.ben.email}").status_code == 422


def test_visitor_is_asked_to_sign_in(client: FlaskClient, cast: Cast) -> None:
    assert client.get("/sessions.csv").location == "/sign-in?next=/sessions.csv"


# Live.


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_page_follows_under_its_filter(app: Flask, cast: Cast, charging: Charging, open_: Open) -> None:
    def page(**query: str) -> OperatorSessionsTopic:
        return OperatorSessionsTopic(Wanted.of(query))

    active = open_(page(status="active"), cast.olga, role=Role.OPERATOR)
    completed = open_(page(status="completed", driver=cast.ada.email), cast.olga, role=Role.OPERATOR)
    assert active.shows("No matching sessions.")
    number = charging.start(cast.ada.id_tag)
    assert active.shows(f"#{number}")
    charging.meter(number, 3500)
    assert active.shows("2.50 kWh")
    charging.end(number, 4000)
    assert active.shows("No matching sessions.")
    assert completed.shows("3.00 kWh")


def test_totals_of_an_open_page_are_kept_a_while(app: Flask, many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "MAX_TOTALLED_UNASKED", 5)
    topic = OperatorSessionsTopic(Wanted.of({"totals": "1"}))
    began = datetime(2026, 4, 1, tzinfo=UTC)
    first = topic.page(began)
    again = topic.page(began.replace(second=listed.TOTALS_AGE_S - 1))
    later = topic.page(began.replace(second=listed.TOTALS_AGE_S))
    totals = [page.totals for page in (first, again, later)]
    assert totals[0] is totals[1]
    assert totals[0] is not totals[2]
