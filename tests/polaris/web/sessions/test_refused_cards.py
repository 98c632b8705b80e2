"""What the pages say of a session whose card was refused, while it is open at the charger and after."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration
from polaris.domain.enums import Role
from polaris.models import ChargingSession
from polaris.web.sessions.listed import Wanted
from polaris.web.sessions.topic import OperatorSessionsTopic, SessionTopic
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.pages import Open, direct

WORDS = {
    "Invalid": "The card was not accepted: it is not known here.",
    "Blocked": "The card was not accepted: it is blocked, or its account is.",
    "Expired": "The card was not accepted: it has expired.",
    "ConcurrentTx": "The card was not accepted: it is charging at another charger.",
}


def shown(client: FlaskClient, path: str) -> str:
    html = client.get(path).text
    page = re.sub(r'(?s)<form class="filters".*?</form>', "", html[html.index("<main") :])  # it offers every state
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.parametrize("authorization", WORDS)
def test_live_card_says_why(olga: FlaskClient, charging: Charging, cast: Cast, authorization: str) -> None:
    number = charging.start(cast.ada.id_tag)
    ChargingSession.update(authorization=authorization).execute()
    live = shown(olga, f"/sessions/{number}")
    assert f"{WORDS[authorization]} Nothing is being charged, and it costs nothing. You can try another card." in live
    assert 'data-status="refused"' in olga.get(f"/sessions/{number}").text
    assert "The card was not accepted." in shown(olga, "/sessions")
    assert "The card was not accepted." in shown(olga, "/fleet/depot-7")


@pytest.mark.field(114)
@pytest.mark.both_databases
def test_pages_agree_that_it_is_not_in_progress(olga: FlaskClient, charging: Charging) -> None:
    number = charging.start("NOBODY")
    for path in (f"/sessions/{number}", "/sessions", "/fleet/depot-7"):
        assert "Card refused" in shown(olga, path)
        assert "In progress" not in shown(olga, path)
    assert "No session is in progress." in shown(olga, "/fleet/depot-7")
    assert " refused" in shown(olga, "/fleet")
    assert f"#{number}" not in shown(olga, "/fleet?state=session")

    charging.meter(number, 3000, power_w=7000)  # it charges all the same
    for path in (f"/sessions/{number}", "/sessions", "/fleet/depot-7"):
        assert "In progress" in shown(olga, path)
    assert "1 session is in progress." in shown(olga, "/fleet/depot-7")
    assert " refused" not in shown(olga, "/fleet")
    assert f"#{number}" in shown(olga, "/fleet?state=session")


@pytest.mark.field(114)
def test_ended_refusal_not_completed(olga: FlaskClient, charging: Charging) -> None:
    number = charging.start("NOBODY")
    charging.end(number, 1000)
    for path in (f"/sessions/{number}", "/sessions", "/fleet/depot-7"):
        assert "Card refused" in shown(olga, path)
        assert "Completed" not in shown(olga, path)


@pytest.mark.field(114)
@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_open_pages_follow(app: Flask, open_: Open, cast: Cast, charging: Charging) -> None:
    number = charging.start("NOBODY")
    page = open_(SessionTopic(number, cast.depot_7.id), cast.olga, role=Role.OPERATOR)
    sessions = open_(OperatorSessionsTopic(Wanted.of({})), cast.olga, role=Role.OPERATOR)
    assert page.shows("Card refused", in_="header")
    assert sessions.shows("Card refused")
    charging.meter(number, 3000, power_w=7000)
    assert page.shows("In progress", in_="header")
    assert sessions.shows("In progress")


@pytest.mark.both_databases
def test_card_that_charges_all_the_same(olga: FlaskClient, charging: Charging) -> None:
    number = charging.start("NOBODY")
    charging.meter(number, 3000, power_w=7000)
    live = shown(olga, f"/sessions/{number}")
    assert f"{WORDS['Invalid']} The charger goes on all the same, and what flows counts." in live
    charging.end(number, 4000)
    assert f"{WORDS['Invalid']} The charger charged all the same, and what flowed counts." in shown(
        olga, f"/sessions/{number}"
    )


def test_refused_driver_sees_it(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    administration.set_card_expiry(cast.ada.id_tag, now() - timedelta(days=1), actor=ACTOR, now=now())
    number = charging.start(cast.ada.id_tag)
    forms.sign_in(client, cast.ada)
    assert WORDS["Expired"] in shown(client, f"/sessions/{number}")
    charging.end(number, 1000)
    assert f"{WORDS['Expired']} Nothing was charged, and it costs nothing." in shown(client, f"/sessions/{number}")


def test_accepted_card_needs_no_word(olga: FlaskClient, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    assert "not accepted" not in shown(olga, f"/sessions/{number}") + shown(olga, "/sessions")
