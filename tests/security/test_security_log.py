"""What a refused request leaves behind: lines of JSON and audit rows, both bounded."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import security_log
from polaris.models import AuditEntry
from polaris.web.security_events import LAST_ROW, ROWS_OF_ALL, ROWS_PER_ACCOUNT, attempts
from polaris.web.sign_in_limits import PER_PAIR
from tests.security.conftest import SecurityLog
from tests.support import forms
from tests.support.cast import Cast
from tests.support.processes import Processes
from tests.support.wait import eventually

WRONG = "a wrong password"


def actions(target: str) -> list[tuple[str, str]]:
    """The actors and actions of the audit rows of an account, oldest first."""
    rows = AuditEntry.select().where(AuditEntry.target == target).order_by(AuditEntry.id)
    return [(row.actor, row.action) for row in rows if not row.action.startswith(("card.", "device."))]


def test_failed_sign_in_leaves_a_trace(client: FlaskClient, cast: Cast, events: SecurityLog) -> None:
    forms.try_sign_in(client, cast.ada.email, WRONG)

    (line,) = events()
    assert (line["event"], line["address"], line["path"]) == ("sign_in.failed", "127.0.0.1", "/sign-in")
    assert WRONG not in json.dumps(line)
    assert actions(cast.ada.email) == [("address 127.0.0.1", "sign_in.failed")]


def test_unknown_account_leaves_no_typed_text(client: FlaskClient, cast: Cast, events: SecurityLog) -> None:
    """A password that is typed into the wrong field is in no log."""
    forms.try_sign_in(client, "my secret passphrase", WRONG)

    assert "passphrase" not in json.dumps(events())
    assert not AuditEntry.select().where(AuditEntry.target.contains("passphrase")).exists()
    assert actions("no account") == [("address 127.0.0.1", "sign_in.failed")]


def test_reached_limit_leaves_a_trace(client: FlaskClient, cast: Cast, events: SecurityLog) -> None:
    for _ in range(PER_PAIR.attempts + 1):
        forms.try_sign_in(client, cast.ada.email, WRONG)

    assert [line["event"] for line in events()] == ["sign_in.failed"] * PER_PAIR.attempts + ["sign_in.limited"]
    assert events()[-1]["limit"] == "pair"
    assert actions(cast.ada.email)[-1] == ("address 127.0.0.1", "sign_in.limited")


@pytest.mark.parametrize("path", ["/fleet", "/fleet/depot-7", "/sessions/4711", "/live/fleet"])
def test_refused_page_leaves_a_trace(client: FlaskClient, cast: Cast, events: SecurityLog, path: str) -> None:
    forms.sign_in(client, cast.ada)

    assert client.get(path).status_code == 404

    (line,) = events()
    assert (line["event"], line["account"], line["path"]) == ("page.refused", cast.ada.id, path)
    assert actions(cast.ada.email) == [(cast.ada.email, "page.refused")]


def test_forged_form_leaves_a_trace(client: FlaskClient, cast: Cast, events: SecurityLog) -> None:
    forms.sign_in(client, cast.ada)

    client.post("/devices", data={"csrf_token": "forged"})

    (line,) = events()
    assert (line["event"], line["account"]) == ("form.refused", cast.ada.id)
    assert actions(cast.ada.email) == [(cast.ada.email, "form.refused")]


def test_what_is_no_refusal_leaves_none(client: FlaskClient, cast: Cast, events: SecurityLog) -> None:
    forms.sign_in(client, cast.ada)
    for path in ("/sessions", "/nowhere", "/static/nowhere.css", "/healthz"):
        client.get(path)

    assert events() == []


def test_audit_rows_are_bounded(browser_at: Callable[[str], FlaskClient], cast: Cast) -> None:
    for n in range(ROWS_PER_ACCOUNT.attempts + 5):
        forms.try_sign_in(browser_at(f"192.0.2.{n}"), cast.ada.email, WRONG)

    rows = list(AuditEntry.select().where(AuditEntry.action == "sign_in.failed"))
    assert len(rows) == ROWS_PER_ACCOUNT.attempts
    assert "only in the security log" in rows[-1].detail


def test_lines_are_bounded(events: SecurityLog) -> None:
    """The hostile text stays on its line, and is cut."""
    for _ in range(security_log.MAX_LINES * 10):
        security_log.record("page.refused", path="/\n{}\u2028" + "x" * 10_000)
    security_log.record("sign_in.failed")

    assert [line["event"] for line in events()] == ["page.refused"] * security_log.MAX_LINES + ["sign_in.failed"]
    assert all(len(line["path"]) == security_log.MAX_FIELD_LENGTH for line in events()[:-1])


def test_suppressed_lines_are_counted(events: SecurityLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security_log, "WINDOW_S", 0.5)
    for _ in range(security_log.MAX_LINES + 7):
        security_log.record("page.refused")

    line = eventually(lambda: [line for line in events() if "suppressed" in line])[0]

    assert (line["event"], line["suppressed"]) == ("page.refused", 7)
    security_log.record("page.refused")
    assert "suppressed" not in events()[-1], "a new minute has begun"


def test_parallel_lines_are_bounded(events: SecurityLog) -> None:
    threads = [
        threading.Thread(target=lambda: [security_log.record("page.refused") for _ in range(100)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(events()) == security_log.MAX_LINES


def test_lines_of_a_web_process_are_json(processes: Processes) -> None:
    """Nothing stands before or behind them, so that a collector can read them."""
    web = processes.web()
    assert post_without_token(web.url) == 400

    lines = [json.loads(line) for line in web.log_text().splitlines() if line.startswith("{")]

    assert [line["event"] for line in lines] == ["form.refused"]


def post_without_token(url: str) -> int:
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request("POST", "/sign-in", "", {"Content-Type": "application/x-www-form-urlencoded"})
        with connection.getresponse() as answer:
            return answer.status


@pytest.mark.parametrize("topic", ["/live/fleet", "/nowhere", "//[", "http://[x"])
def test_refused_topic_leaves_a_trace(client: FlaskClient, cast: Cast, events: SecurityLog, topic: str) -> None:
    forms.sign_in(client, cast.ada)

    answer = client.get("/live/", query_string={"topic": topic})

    assert answer.status_code == 404
    (line,) = [line for line in events() if line["event"] == "topic.refused"]
    assert (line["topic"], line["path"]) == (topic, "/live/")
    assert (cast.ada.email, "topic.refused") in actions(cast.ada.email)
    assert AuditEntry.get(AuditEntry.action == "topic.refused").detail == f"GET {topic}: 404"


def test_rows_of_all_end_with_a_mark(app: Flask, client: FlaskClient, cast: Cast) -> None:
    with app.app_context():
        attempts().add(ROWS_OF_ALL, amount=ROWS_OF_ALL.attempts - 2)
    for email in ("a@example.com", "b@example.com", "c@example.com"):
        forms.try_sign_in(client, email, WRONG)

    rows = (
        AuditEntry.select().where(AuditEntry.action.in_(("sign_in.failed", "refusals.limited"))).order_by(AuditEntry.id)
    )
    assert [(row.action, row.detail) for row in rows] == [("sign_in.failed", ""), ("refusals.limited", LAST_ROW)]
