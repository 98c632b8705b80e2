"""The page that says what a charger is like: its words, who may see it, and that the command line says the same."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.domain.behaviour import NOT_ITS_OWN, Quirk
from polaris.domain.clock_drift import Drift
from polaris.domain.data_quality import Note
from polaris.rendering import behaviour_text
from tests.support import forms
from tests.support.behaving import History
from tests.support.cast import Cast, now

PATH = "/fleet/depot-7/behaviour"
STREAM = "/live/chargers/depot-7/behaviour"
DAY = timedelta(days=1)


@pytest.fixture
def history(app: Flask, cast: Cast) -> History:
    return History(cast.depot_7.id, cast.ada.id, now())


def shown(client: FlaskClient) -> str:
    html = client.get(PATH).text.partition("<main")[2]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))


def test_nothing_seen(olga: FlaskClient) -> None:
    assert "Nothing has been seen of this charger yet. Once it has connected" in shown(olga)


@pytest.mark.both_databases
def test_in_plain_words(olga: FlaskClient, history: History) -> None:
    history.firmware("5.28.0", ago=60 * DAY)
    history.firmware("5.29.1", ago=20 * DAY)
    history.stops([2.0] * 44 + [None] * 14, notes=[Note.UNIT_DOUBTFUL])
    history.stops([2.0] * 58 + [None] * 2, ago=20 * DAY)
    history.gone(12, at=timedelta(hours=3), lasted=timedelta(minutes=20))
    page = shown(olga)
    assert "Depot 7, with firmware 5.29.1 since" in page
    assert "Since firmware 5.29.1 stops fail 7 times as often: 14 of 58, before 2 of 60" in page
    assert "Answers a stop Half of the time within 0.4 s, 95 of 100 times within 0.4 s, at worst 0.4 s 58 seen" in page
    assert "Refused a stop 14 of 58 58 seen since" in page
    assert "Did not answer a stop Never 58 seen" in page
    assert "Answers a command Not seen often enough 0 seen" in page
    assert "Half of the times for at most 20 min, at longest for 3 h" in page
    assert "Most often at" in page
    assert "It sends kWh as Wh, or the reverse" in page
    assert "an operator can set the unit. Set the unit of its energies In 58 of 58 sessions since" in page
    assert "Before, with firmware 5.28.0" in page


def test_nine_are_not_enough(olga: FlaskClient, history: History) -> None:
    history.stops([2.0] * 9)
    page = shown(olga)
    assert "Ends the session once it has accepted Not seen often enough 9 seen" in page
    assert "Refused a stop Not seen often enough 9 seen" in page
    assert "What its sessions show Not seen often enough 9 seen" in page


def test_hostile_firmware(olga: FlaskClient, history: History) -> None:
    history.firmware("<script>alert(1)</script>%(times)s", ago=20 * DAY)
    history.stops([2.0] * 12)
    html = olga.get(PATH).text
    assert "<script>alert(1)" not in html
    assert "%(times)s" in html


@pytest.mark.parametrize(("firmware", "period"), [("", "Depot 7, since"), ("1.0", "Depot 7, with firmware 1.0 since")])
def test_period(olga: FlaskClient, history: History, firmware: str, period: str) -> None:
    history.stops([2.0])
    assert "Depot 7, in the last 90 days. A new" in shown(olga)
    history.firmware(firmware, ago=20 * DAY)
    assert period in shown(olga)
    history.firmware(firmware, ago=10 * DAY, serial="2")
    assert period in shown(olga)


def test_old_firmware(olga: FlaskClient, history: History) -> None:
    history.stops([2.0])
    history.firmware("1.0", ago=100 * DAY)
    assert "Depot 7, with firmware 1.0, in the last 90 days. A new" in shown(olga)


def test_leads_to_what_can_be_done(olga: FlaskClient, history: History) -> None:
    history.stops([2.0] * 12, notes=[Note.UNIT_DOUBTFUL, Note.POWER_EXCEEDED])
    history.gone(3, at=timedelta(hours=3), lasted=timedelta(minutes=20), ended_by="pings")
    html = olga.get(PATH).text
    for verb in ("unit", "power", "pings"):
        assert f'href="/actions/charger/{verb}?identity=depot-7&amp;next=/fleet/depot-7/behaviour"' in html


def test_linked_from_charger(olga: FlaskClient, history: History) -> None:
    history.stops([3.2] * 9)
    assert f'href="{PATH}"' in olga.get("/fleet/depot-7").text
    assert "it usually ends within" not in olga.get("/fleet/depot-7").text
    history.stops([3.2], ago=10 * DAY)
    assert "it usually ends within 4 s." in olga.get("/fleet/depot-7").text


@pytest.mark.parametrize("path", [PATH, STREAM])
def test_operators_only(client: FlaskClient, cast: Cast, path: str) -> None:
    assert client.get(path).status_code in (302, 401)
    forms.sign_in(client, cast.ada)
    assert client.get(path).status_code == 404
    assert client.get(path.replace("depot-7", "nobody")).status_code == 404


@pytest.mark.parametrize("path", ["/fleet/nobody/behaviour", "/live/chargers/nobody/behaviour"])
def test_unknown_charger(olga: FlaskClient, path: str) -> None:
    assert olga.get(path).status_code == 404


def test_command_line_says_the_same(app: Flask, olga: FlaskClient, history: History) -> None:
    run = app.test_cli_runner().invoke
    assert run(args=["charger", "behaviour", "depot-7"]).output == "Nothing has been seen of depot-7 yet.\n"
    history.firmware("5.28.0", ago=60 * DAY)
    history.firmware("5.29.1", ago=20 * DAY)
    history.stops([2.0] * 44 + [None] * 14, notes=[Note.GAP])
    history.stops([2.0] * 58 + [None] * 2, ago=20 * DAY)
    history.commands(["accepted"] * 12)
    said = run(args=["charger", "behaviour", "depot-7"]).output
    page = shown(olga)
    for words in (
        "Since firmware 5.29.1 stops fail 7 times as often: 14 of 58, before 2 of 60",
        "Half of the time within 2 s, 95 of 100 times within 2 s, at worst 2 s",
        "It sends no readings for half an hour and longer.",
    ):
        assert words in said
        assert words in page
    assert "Refused a stop: 14 of 58 (58 seen since " in said


def test_command_line_of_nobody(app: Flask, cast: Cast) -> None:
    said = app.test_cli_runner().invoke(args=["charger", "behaviour", "nobody"])
    assert (said.exit_code, said.output) == (1, "Error: There is no charger nobody.\n")


@pytest.mark.parametrize(
    ("drift", "text"),
    [
        (Drift(9), "Not seen often enough"),
        (Drift(10, None, 0.2, 0.01), "It keeps time; no jumps; 0.2 s ahead at last"),
        (Drift(10, None, -130, -1.23, 3), "It loses 1.2 s a day; jumps: 3; 2 min behind at last"),
        (Drift(10, None, 12, 0.5, 0), "It gains 0.5 s a day; no jumps; 12 s ahead at last"),
    ],
)
def test_clock_in_words(app: Flask, drift: Drift, text: str) -> None:
    with app.test_request_context():
        assert behaviour_text.clock_drift(drift).replace("\u00a0", " ") == text


def test_every_quirk_has_words(app: Flask) -> None:
    with app.test_request_context():
        for note in set(Note) - NOT_ITS_OWN:
            assert all(behaviour_text.quirk(Quirk(note, 3, 2)))


@pytest.mark.parametrize(
    ("value", "text"), [(0.04, "0 s"), (0.44, "0.4 s"), (9.96, "10 s"), (61.4, "61 s"), (150, "2 min")]
)
def test_delays_in_words(app: Flask, value: float, text: str) -> None:
    with app.test_request_context():
        assert behaviour_text.seconds(value).replace("\u00a0", " ") == text
