"""A driver's list of sessions: its strip, filters, words and file; of the driver's own alone, and live."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration
from polaris.models import Account, Charger, ChargingSession, EvCard
from polaris.web.sessions import own, queries
from polaris.web.sessions.listed import Wanted
from polaris.web.sessions.topic import SessionsTopic
from tests.polaris.domain.test_filters import HOSTILE
from tests.support import forms, listed_sessions, plans
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.pages import Open, direct

ROW = re.compile(r'id="session-(\d+)-row"')


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def shown(client: FlaskClient, **query: str) -> list[int]:
    return [int(number) for number in ROW.findall(client.get("/sessions", query_string=query).text)]


@pytest.fixture
def ada(client: FlaskClient, cast: Cast) -> FlaskClient:
    forms.sign_in(client, cast.ada)
    return client


@pytest.fixture
def many(cast: Cast) -> None:
    """Sessions of two others, of whom Ada is one from then on."""
    listed_sessions.fill(60)
    card = EvCard.get(EvCard.id_tag == "AA11")
    EvCard.update(account=cast.ada.id).where(EvCard.id == card.id).execute()
    ChargingSession.update(account=cast.ada.id).where(ChargingSession.card == card).execute()


def mine(cast: Cast) -> list[ChargingSession]:
    newest = (ChargingSession.started_at.desc(), ChargingSession.number.desc())
    return list(ChargingSession.select().where(ChargingSession.account == cast.ada.id).order_by(*newest))


@pytest.mark.both_databases
def test_strip_and_count(ada: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.end(charging.start(cast.ada.id_tag), 3000)
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 2000)
    charging.start(cast.ben.id_tag, connector=2)
    page = ada.get("/sessions").text
    words = text_of(page)
    assert "Sessions in 24 h 2 Energy in 7 days 3.00 kWh Active now 1 Average in 7 days 1.50 kWh" in words
    assert "2 sessions " in words
    assert '<a href="/sessions?status=active">' in page
    assert shown(ada, status="active") == [number]
    assert "1 session matches" in text_of(ada.get("/sessions?status=active").text)


@pytest.mark.both_databases
def test_filters(ada: FlaskClient, cast: Cast, many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "LIST_ROWS", 100)
    every = [session.number for session in mine(cast)]
    assert shown(ada) == shown(ada, status="all") == every
    assert shown(ada, status="active") == [each.number for each in mine(cast) if each.state == "active"]
    assert shown(ada, charger="T-1") == [each.number for each in mine(cast) if each.charger.identity == "t-1"]
    card = EvCard.get(EvCard.id_tag == "AA11")
    assert shown(ada, card=str(card.id)) == every
    assert shown(ada, card=str(EvCard.get(EvCard.account == cast.ada.id, EvCard.id != card.id).id)) == []
    page = ada.get(f"/sessions?card={card.id}&charger=t-1").text
    assert f'<option value="{card.id}" selected>' in page
    assert '<option value="t-1" selected>Charger t-1</option>' in page
    assert "AA11" not in page


def test_words_of_empty_lists(ada: FlaskClient, cast: Cast, charging: Charging) -> None:
    assert "No sessions yet." in text_of(ada.get("/sessions").text)
    assert "Your first card" not in ada.get("/sessions").text
    filtered = ada.get("/sessions?status=completed").text
    assert "No matching sessions." in filtered
    assert filtered.count("Clear filters") == 1
    number = charging.start(cast.ada.id_tag)
    for before in (number, "1000000", "99999999999999", "x"):
        assert "No older sessions. Newest sessions" in text_of(ada.get(f"/sessions?before={before}").text)
    EvCard.delete().where(EvCard.account == cast.ben.id).execute()
    ada.delete_cookie("polaris")
    forms.sign_in(ada, cast.ben)
    assert "Your first card comes from the operator" in ada.get("/sessions").text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"from": "2026-02-30"}, "There is no day 2026-02-30."),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "This day is before 2026-03-02, the first day."),
        ({"status": "odd"}, "There is no status odd."),
        ({"card": "x"}, "There is no card x."),
        ({"page": "1000000"}, "It is not possible to filter by page."),
        ({"driver": "ben@example.com"}, "It is not possible to filter by driver."),
        ({"card": "2"}, "You have no card 2."),  # Ben's
        ({"card": "77"}, "You have no card 77."),
    ],
)
def test_what_is_not_understood(
    ada: FlaskClient, cast: Cast, charging: Charging, query: dict[str, str], words: str
) -> None:
    charging.start(cast.ada.id_tag)
    answer = ada.get("/sessions", query_string=query)
    assert answer.status_code == 422
    assert words in text_of(answer.text)
    assert not ROW.search(answer.text)
    assert next(iter(query.values())) in answer.text
    stream = re.search(r'data-address="([^"]+)"', answer.text)
    assert stream
    pushed = ada.get(f"{unescape(stream[1])}&once=").text
    assert not ROW.search(pushed)
    for page in (answer.text, pushed):
        assert "No matching sessions." not in page
        assert "0 sessions" not in page
    assert words in text_of(ada.get("/sessions.csv", query_string=query).text)


@pytest.mark.both_databases
def test_pages_keep_filters(ada: FlaskClient, cast: Cast, many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "LIST_ROWS", 4)
    seen, path = [], "/sessions?status=completed"
    while path:
        page = ada.get(path).text
        seen += [int(number) for number in ROW.findall(page)]
        link = re.search(r'href="([^"]+)"\s+rel="next"', page)
        path = unescape(link[1]) if link else ""
    assert seen == [session.number for session in mine(cast) if session.state != "active"]


# The file.


def exported(client: FlaskClient, **query: str) -> list[dict[str, str]]:
    text = client.get("/sessions.csv", query_string=query).get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.both_databases
def test_file_has_what_is_filtered(ada: FlaskClient, cast: Cast, many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polaris.web.csv_export.BATCH_ROWS", 3)
    rows = exported(ada, charger="t-1", status="completed")
    wanted = [each for each in mine(cast) if each.charger.identity == "t-1" and each.state != "active"]
    assert [int(row["session"]) for row in rows] == [each.number for each in wanted]
    for row in rows:
        started = datetime.fromisoformat(row["started (UTC)"])
        assert (datetime.fromisoformat(row["started (site)"]) - started).total_seconds() == 9 * 3600
        assert (row["time zone"], row["card"]) == ("Asia/Tokyo", "…11")
    assert "driver" not in rows[0]
    assert len(exported(ada)) == len(mine(cast))


def test_day_of_23_hours_in_the_file(ada: FlaskClient, cast: Cast, many: None) -> None:
    """Berlin's clock goes forward on 2026-03-29: its day is from 23:00 to 22:00 UTC."""
    ids = [session.number for session in mine(cast) if session.site_id == 1][:4]
    for number, at in zip(ids, ("28T22:59:59", "28T23:00:00", "29T21:59:59", "29T22:00:00"), strict=True):
        ChargingSession.update(started_at=datetime.fromisoformat(f"2026-03-{at}+00:00")).where(
            ChargingSession.number == number
        ).execute()
    rows = {int(row["session"]): row for row in exported(ada, **{"from": "2026-03-29", "to": "2026-03-29"})}
    assert {number for number in ids if number in rows} == set(ids[1:3])
    assert rows[ids[1]]["started (site)"] == "2026-03-29 00:00:00"
    assert rows[ids[2]]["started (site)"] == "2026-03-29 23:59:59"


def test_file_has_no_formula_and_is_no_operators_export(ada: FlaskClient, app: Flask, cast: Cast, many: None) -> None:
    Charger.update(name="=1+1").execute()
    assert {row["charger"] for row in exported(ada)} == {"'=1+1"}
    ada.delete_cookie("polaris")
    forms.sign_in(ada, cast.olga)
    assert "No matching entries." in ada.get("/audit?action=list.exported").text


# Hostile input.


@pytest.mark.both_databases
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_filter(ada: FlaskClient, cast: Cast, value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    for path in ("/sessions", "/sessions.csv", "/live/sessions"):
        for name in ("status", "from", "to", "card", "charger", "before"):
            answer = ada.get(path, query_string={name: value} | ({"once": ""} if "live" in path else {}))
            assert answer.status_code in (200, 422)
            assert "<script>alert" not in answer.text


@pytest.mark.both_databases
def test_page_reads_no_whole_table(ada: FlaskClient, cast: Cast, many: None) -> None:
    card = EvCard.get(EvCard.id_tag == "AA11")
    for query in ({}, {"status": "active"}, {"card": str(card.id)}, {"charger": "t-1", "status": "completed"}):
        with plans.executed() as statements:
            assert ada.get("/sessions", query_string=query).status_code == 200
        of_sessions = [(sql, values) for sql, values in statements if '"charging_session"' in sql]
        assert of_sessions
        assert plans.full_scans(of_sessions) == []


# Live.


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_list_and_strip_follow_under_a_filter(app: Flask, cast: Cast, charging: Charging, open_: Open) -> None:
    def page(**query: str) -> SessionsTopic:
        return SessionsTopic(cast.ada.id, Wanted.of_owner(cast.ada.id, query))

    every, active = open_(page(), cast.ada), open_(page(status="active"), cast.ada)
    assert active.shows("No matching sessions.", in_="sessions")
    number = charging.start(cast.ada.id_tag)
    assert active.shows(f"Session #{number}", in_="sessions")
    assert active.shows('href="/sessions?status=active"', in_="session-strip")
    charging.meter(number, 3500)
    assert every.shows("2.50", in_=f"session-{number}-row")
    assert every.shows("<b>2.50</b>", in_="session-strip")
    charging.start(cast.ben.id_tag, connector=2)
    charging.end(number, 4000)
    assert active.shows("No matching sessions.", in_="sessions")
    assert every.shows("Completed", in_=f"session-{number}-row")
    assert every.shows("<b>0</b>", in_="session-strip")
    assert "Session #2" not in "".join(every.everything)


def test_row_of_another_page_is_not_pushed(app: Flask, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    found = own.change(Wanted.of_owner(cast.ben.id, {}), [number], now())
    assert found.rows == []


def test_only_own_cards_can_be_chosen(ada: FlaskClient, cast: Cast) -> None:
    administration.add_card(cast.ben.email, "BB-SECRET", actor=ACTOR, now=now())
    page = ada.get("/sessions").text
    assert "…DA-1" in page
    assert "CRET" not in page
    assert Account.get_by_id(cast.ben.id).email not in page


def test_times_are_utc(ada: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    (row,) = exported(ada)
    assert abs((datetime.fromisoformat(row["started (UTC)"]).replace(tzinfo=UTC) - now()).total_seconds()) < 60


# The receipt.


@pytest.mark.both_databases
def test_receipt_of_a_session(app: Flask, ada: FlaskClient, cast: Cast, charging: Charging) -> None:
    administration.set_site("Main", address="Quay 1", actor=ACTOR, now=now())
    number = charging.start(cast.ada.id_tag)
    path = f"/sessions/{number}/receipt"
    assert "The session goes on. Its receipt is here when it has ended." in text_of(ada.get(path).text)
    charging.meter(number, 2000)
    charging.end(number, 8000)
    assert f'href="{path}"' in ada.get(f"/sessions/{number}").text
    words = text_of(ada.get(path).text)
    for part in (
        f"Receipt of session #{number} Site Main, Quay 1 Charger Depot 7 Connector 1 Card …DA-1",
        "Meter at the start 1.000 kWh Meter at the end 8.000 kWh Energy 7.000 kWh",
        "7.000 kWh €0.48 per kWh €3.36 Total €3.36 Tax included: 20 % €0.56",
    ):
        assert part in words
    assert "Estimated" not in words
    assert cast.ada.id_tag not in words


def test_receipt_is_estimated_until_the_charger_says(ada: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 3000)
    charging.start(cast.ben.id_tag)
    path = f"/sessions/{number}/receipt"
    assert "Total Estimated €0.96" in text_of(ada.get(path).text)
    charging.end(number, 3500)
    words = text_of(ada.get(path).text)
    assert "Total €1.20" in words
    assert "Estimated" not in words


def test_receipt_of_another_is_not_there(app: Flask, ada: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ben.id_tag)
    charging.end(number, 4000)
    for path in (
        f"/sessions/{number}/receipt",
        "/sessions/77/receipt",
        "/sessions/x/receipt",
        "/live/sessions/1/receipt",
    ):
        assert ada.get(path).status_code == 404
    assert app.test_client().get(f"/sessions/{number}/receipt").status_code == 302
