"""The page of what needs a person: for operators, escaped, true without JavaScript; acknowledging and taking up."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import models
from polaris.domain.facts import ConnectorStatusChanged
from polaris.ingest import Ingest, RefusedHandshake
from polaris.models import Acknowledgement, AuditEntry
from tests.support import forms
from tests.support.cast import Cast, now
from tests.support.charging import Charging

pytestmark = pytest.mark.both_databases

FAULT = "fault:depot-7/1"
FORM = f"/attention/acknowledge?key={FAULT}"


def fault(charging: Charging, code: str = "GroundFailure", info: str = "") -> None:
    values: dict[str, Any] = {"connector": 1, "status": "Faulted", "error_code": code, "info": info, "at": now()}
    charging._store(ConnectorStatusChanged(**values, **charging._base()))


def acknowledge(client: FlaskClient, **fields: str) -> TestResponse:
    page = client.get(FORM).text
    mark = re.findall(r'name="mark" value="([^"]*)"', page)[0]
    return forms.post(
        client, "/attention/acknowledge", page=FORM, **({"key": FAULT, "mark": mark, "until": "change"} | fields)
    )


def count(client: FlaskClient, path: str = "/account") -> str:
    """The count in the sidebar; "" if it is hidden."""
    span = r'<span id="attention-count"\s+class="nav__count"( hidden)?>([^<]*)</span>'
    found = re.findall(span, client.get(path).text)
    assert len(found) == 1
    return "" if found[0][0] else found[0][1]


def rows() -> int:
    with models.database.connection_context():
        return int(Acknowledgement.select().count())


def test_nothing_needs_anybody(olga: FlaskClient, charging: Charging) -> None:
    page = olga.get("/attention").text
    assert "Nothing needs you." in page
    assert "Ended sessions whose energy is not known" in page
    assert count(olga) == ""


def test_page_says_what_why_and_what_to_do(olga: FlaskClient, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.status("Available")
    fault(charging, info="residual current")
    page = olga.get("/attention").text
    assert "2 matters need a person." in page
    assert f'href="/sessions/{number}"' in page
    assert f'href="/actions/session/close?number={number}&amp;next=%2Fattention"' in page
    assert "GroundFailure: residual current" in page
    assert 'href="/fleet/depot-7"' in page
    assert count(olga) == "2"


def test_hostile_text_is_escaped(olga: FlaskClient, charging: Charging, ingest: Ingest, cast: Cast) -> None:
    hostile = "<script>alert(1)</script>'\"&%s%(x)s"
    fault(charging, code=hostile, info=hostile)
    path = f"/ocpp/{hostile}"
    ingest.note_refused_handshakes([RefusedHandshake(hostile, hostile, "", "k", 1, now(), now(), 1, path)], now())
    ingest.authorize(hostile, cast.depot_7.id, now())
    page = olga.get("/attention").text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 4
    assert count(olga) == "3"
    for address in re.findall(r'href="(/attention/acknowledge\?[^"]+)"', page):
        assert olga.get(unescape(address)).status_code == 200


def test_acknowledged_and_taken_up(olga: FlaskClient, charging: Charging, cast: Cast) -> None:
    fault(charging)
    assert "GroundFailure" in olga.get(FORM).text
    answer = acknowledge(olga, until="8h", note="a <b>part</b> is ordered")
    assert (answer.status_code, answer.location) == (302, "/attention")
    page = olga.get("/attention").text
    assert "Nothing needs you." in page
    assert cast.olga.email in page
    assert "a &lt;b&gt;part&lt;/b&gt; is ordered" in page
    assert count(olga, "/attention") == ""
    forms.post(olga, "/attention/take-up", page="/attention", key=FAULT)
    assert "Nothing needs you." not in olga.get("/attention").text
    assert count(olga, "/attention") == "1"
    with models.database.connection_context():
        found = [(row.actor, row.action) for row in AuditEntry.select().order_by(AuditEntry.id)][-2:]
    assert found == [(cast.olga.email, f"attention.{what}") for what in ("acknowledged", "taken_up")]


def test_pressed_twice(olga: FlaskClient, charging: Charging, cast: Cast) -> None:
    fault(charging)
    for _ in range(2):
        assert acknowledge(olga, note="mine").status_code == 302
    assert f"{cast.olga.email} has acknowledged it already." in olga.get("/attention").text
    assert rows() == 1


def test_note_of_a_second_operator_is_not_lost_unseen(olga: FlaskClient, charging: Charging, cast: Cast) -> None:
    fault(charging)
    acknowledge(olga, note="mine")

    answer = acknowledge(olga, note="a part is ordered")

    assert answer.status_code == 409
    assert f"{cast.olga.email} has acknowledged it already. The note there: “mine”." in answer.text
    assert 'value="a part is ordered"' in answer.text


def test_changed_meanwhile_is_shown_again(olga: FlaskClient, charging: Charging) -> None:
    fault(charging)
    answer = acknowledge(olga, mark="2 OverVoltage", note="kept")
    assert answer.status_code == 409
    assert "It has changed meanwhile." in answer.text
    assert 'value="kept"' in answer.text
    assert rows() == 0


@pytest.mark.parametrize("fields", [{"note": "x" * 201}, {"until": "2h"}, {"until": ""}])
def test_bad_form_is_shown_again(olga: FlaskClient, charging: Charging, fields: dict[str, str]) -> None:
    fault(charging)
    assert acknowledge(olga, **fields).status_code == 422
    assert rows() == 0


def test_passed_meanwhile(olga: FlaskClient, charging: Charging) -> None:
    fault(charging)
    page = olga.get(FORM).text
    assert "GroundFailure" in page
    charging.status("Available")
    token = forms.token(olga, "/attention")
    answer = olga.post("/attention/acknowledge", data={"csrf_token": token, "key": FAULT, "until": "1h"})
    assert answer.status_code == 302
    assert olga.get(FORM).status_code == 302
    assert "That needs nobody any more." in olga.get("/attention").text


def test_form_without_token_is_refused(olga: FlaskClient, charging: Charging) -> None:
    fault(charging)
    for path in ("acknowledge", "take-up"):
        assert olga.post(f"/attention/{path}", data={"key": FAULT, "until": "1h"}).status_code == 400
    assert rows() == 0


@pytest.mark.parametrize("path", ["/attention", FORM, "/live/attention", "/live/attention/count"])
def test_operators_only(client: FlaskClient, charging: Charging, people: Cast, path: str) -> None:
    fault(charging)
    is_stream = path.startswith("/live")
    assert client.get(path).status_code == (401 if is_stream else 302)
    forms.sign_in(client, people.ada)
    assert client.get(path).status_code == 404
    assert client.get("/live/", query_string={"topic": path}).status_code == 404


def test_drivers_change_nothing(client: FlaskClient, charging: Charging, people: Cast) -> None:
    fault(charging)
    forms.sign_in(client, people.ada)
    for path in ("acknowledge", "take-up"):
        answer = forms.post(client, f"/attention/{path}", page="/account", key=FAULT, until="1h")
        assert answer.status_code == 404
    assert rows() == 0


def test_driver_has_no_count(client: FlaskClient, charging: Charging, people: Cast) -> None:
    fault(charging)
    forms.sign_in(client, people.ada)
    page = client.get("/account").text
    assert "attention" not in page.replace("attention.css", "")


def test_visitor_is_asked_to_sign_in(client: FlaskClient, charging: Charging, people: Cast) -> None:
    token = forms.token(client, "/sign-in")
    answer = client.post("/attention/acknowledge", data={"csrf_token": token, "key": FAULT, "until": "1h"})
    assert answer.status_code == 302
    assert "/sign-in" in answer.location
