"""A charger's messages as a page: searched, followed live and downloaded, by operators alone."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.models import AuditEntry, blocking
from polaris.ocpp_log import anonymize, blocks, search
from polaris.ocpp_log.files import IN, OUT
from polaris.ocpp_log.filter import MessageFilter
from polaris.push.topic import TIME, RenderSettings, State
from polaris.services import NAME
from polaris.web.messages import following, queries
from polaris.web.messages.topic import INTERVAL, MessagesTopic
from simulator import replay
from tests.polaris.domain.test_filters import HOSTILE
from tests.support import forms
from tests.support.cast import Cast
from tests.support.charging import Charging
from tests.support.frames import FrameLog

PATH = "/fleet/depot-7/messages"
STREAM = "/live/chargers/depot-7/messages"
EVIL = "<img src=x onerror=alert(1)>\r\n\r\ndata: <script>alert(2)</script>\"'"
SETTINGS = RenderSettings("Olga", timedelta(seconds=150))


@pytest.fixture
def log(settings: dict[str, str], cast: Cast) -> FrameLog:
    return FrameLog(Path(settings["FRAMES_DIR"]), cast.depot_7.identity)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html.partition("<main")[2])))


def shown(client: FlaskClient, **query: str) -> str:
    answer = client.get(PATH, query_string=query)
    assert answer.status_code == 200
    return text_of(answer.text)


def items(html: str) -> int:
    return html.count('class="message-line"')


@blocking
def exported() -> list[tuple[str, str, str]]:
    rows = AuditEntry.select().where(AuditEntry.action == "frames.exported").order_by(AuditEntry.id)
    return [(row.actor, row.target, row.detail) for row in rows]


@pytest.mark.both_databases
def test_searched(olga: FlaskClient, charging: Charging, log: FrameLog) -> None:
    log.opened()
    log.said("Heartbeat", {}, {})
    log.said("Authorize", {"idTag": "ADA-0000001"}, {"idTagInfo": {"status": "Invalid"}})
    log.asked("Reset", {"type": "Soft"}, {"status": "Accepted"})
    assert items(olga.get(PATH).text) == 4
    assert "Card ADA-0000001 was shown Invalid" in shown(olga, bad="1")
    assert "Heartbeat" not in shown(olga, bad="1").partition("Messages, the newest")[2]
    assert items(olga.get(PATH, query_string={"direction": "to_charger"}).text) == 1
    assert items(olga.get(PATH, query_string={"action": "HEARTBEAT"}).text) == 1
    assert "No matching messages." in shown(olga, text="nowhere")
    html = olga.get(PATH, query_string={"text": '"><b>', "action": "<i>"}).text
    assert "<b>" not in html.partition("<main")[2].partition("</form>")[0]
    assert f'href="{PATH}"' in olga.get("/fleet/depot-7").text


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_filters(olga: FlaskClient, log: FrameLog, value: str) -> None:
    log.opened()
    for name in ("action", "direction", "bad", "text", "before"):
        query = f"{name}={quote(value, errors='surrogatepass')}"
        assert olga.get(f"{PATH}?{query}").status_code in (200, 422)
        assert olga.get(f"{STREAM}?{query}&once=").status_code in (200, 422)


def test_older_ones_by_key(olga: FlaskClient, charging: Charging, log: FrameLog) -> None:
    for number in range(120):
        log.said("MeterValues", {"connectorId": 1, "n": f"reading {number} of many"}, {})
        log.said("Heartbeat", {})
    path, found = f"{PATH}?action=MeterValues", []
    while path:
        html = olga.get(path).text
        found += [int(number) for number in re.findall(r"reading (\d+) of many", html)]
        assert ('data-address="/live/chargers/depot-7/messages' in html) is ("before=" not in path)
        older = re.search(r'href="([^"]+)"\s+rel="next"', html)
        path = unescape(older[1]) if older else ""
    assert found == list(range(119, -1, -1))


def test_says_how_far_it_looked(
    olga: FlaskClient, charging: Charging, log: FrameLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_SEARCHED_BYTES", 300_000)
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 100_000)
    log.said("BootNotification", {"chargePointModel": "old"})
    other = FrameLog(log.directory, "busy")
    for _ in range(20):
        other.said("DataTransfer", {"data": "x" * 50_000})
    log.said("Heartbeat", {})
    page = shown(olga, action="BootNotification")
    assert "No message matches so far. The log was searched back to" in page
    assert "Search further back" in page


@pytest.mark.field(105)
def test_charger_text_escaped_and_bounded(olga: FlaskClient, charging: Charging, log: FrameLog) -> None:
    log.said("BootNotification", {"chargePointVendor": EVIL, "firmwareVersion": "\0"}, {"status": EVIL})
    log.said(EVIL, {})
    log.write(IN, EVIL)
    log.write(IN, "[" * 100_000)
    settings = [{"key": f"<b>Key{number}", "value": EVIL, "readonly": "?"} for number in range(5000)]
    log.asked("GetConfiguration", {}, {"configurationKey": settings})
    log.asked("GetConfiguration", {}, {"configurationKey": {"key": [EVIL]}, "unknownKey": 7})
    log.write(IN, json.dumps([4, "m", EVIL, EVIL, {}]))
    for query in ({}, {"text": "Key4999"}, {"bad": "1"}):
        html = olga.get(PATH, query_string=query).text
        assert "<img" not in html
        assert "<script>alert" not in html
        assert "<b>Key" not in html
        assert len(html) < 70_000
    assert items(olga.get(PATH, query_string={"text": "Key4999"}).text) == 1


def test_without_a_log(olga: FlaskClient, charging: Charging, make_app: Callable[..., Flask], cast: Cast) -> None:
    assert "Unavailable: there is no log" in shown(olga)
    without = make_app(FRAMES_MB="0").test_client()
    forms.sign_in(without, cast.olga)
    assert "Unavailable: there is no log" in shown(without)
    assert forms.post(without, f"{PATH}/export", page="/fleet").status_code == 404


def test_operators_only(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    assert client.get(PATH).status_code == 302
    assert client.get(STREAM).status_code == 401
    forms.sign_in(client, cast.ada)
    for path in (PATH, "/fleet/nobody/messages"):
        assert client.get(path).status_code == 404
        assert forms.post(client, f"{path}/export", page="/account").status_code == 404
    assert client.get(STREAM).status_code == 404
    assert exported() == []


def test_unknown_charger(olga: FlaskClient, cast: Cast) -> None:
    assert olga.get("/fleet/nobody/messages").status_code == 404
    assert olga.get("/live/chargers/nobody/messages").status_code == 404
    assert forms.post(olga, "/fleet/nobody/messages/export", page="/fleet").status_code == 404


def test_download(olga: FlaskClient, charging: Charging, log: FrameLog, cast: Cast, tmp_path: Path) -> None:
    """It is what `frames export` writes, with the answers of what is wanted, and the log of changes says so."""
    log.opened()
    log.said("Authorize", {"idTag": "ADA-0000001"}, {"idTagInfo": {"status": "Invalid"}})
    log.said("Heartbeat", {}, {})
    log.said("DataTransfer", {"data": "ada-0000001 was here"}, {})
    assert olga.post(f"{PATH}/export").status_code == 400  # without a token
    everything = forms.post(olga, f"{PATH}/export", page=PATH)
    assert everything.headers["Content-Disposition"].startswith('attachment; filename="polaris-messages-')
    lines = [json.loads(line) for line in everything.text.splitlines()]
    assert [line["direction"] for line in lines] == ["open", "in", "out", "in", "out", "in", "out"]
    assert "ADA" not in everything.text.upper()
    assert "STAND-IN-1 was here" in everything.text
    command = olga.application.test_cli_runner().invoke(args=["frames", "export", "--charger", "depot-7"])
    assert command.output == everything.text
    file = tmp_path / "messages.jsonl"
    file.write_text(everything.text, "utf-8")
    steps = replay.load(file, card="BEN-1")
    assert [step.message and step.message[2] for step in steps[1:4:2]] == ["Authorize", "Heartbeat"]
    assert "BEN-1" in steps[1].frame
    found = forms.post(olga, f"{PATH}/export", page=PATH, action="authorize", bad="1", text="ADA-0000001")
    lines = [json.loads(line) for line in found.text.splitlines()]
    assert [line["direction"] for line in lines] == ["open", "in", "out"]
    assert exported() == [
        (cast.olga.email, "depot-7", ""),
        ("command line", "depot-7", ""),
        (cast.olga.email, "depot-7", "action=authorize, bad=1, by text"),
    ]
    assert forms.post(olga, f"{PATH}/export", page=PATH, text="nowhere").text == ""


def test_one_download_at_a_time(olga: FlaskClient, charging: Charging, log: FrameLog) -> None:
    log.said("Heartbeat", {})
    token = forms.token(olga, PATH)
    first = olga.post(f"{PATH}/export", data={"csrf_token": token})  # not read
    assert olga.post(f"{PATH}/export", data={"csrf_token": token}).status_code == 503
    first.close()
    assert olga.post(f"{PATH}/export", data={"csrf_token": token}, buffered=True).status_code == 200


def test_download_of_many_cards(
    olga: FlaskClient, charging: Charging, log: FrameLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A charger that sends any number of cards fills no memory, and none of them is in the file."""
    monkeypatch.setattr(anonymize, "MAX_IDS", 20)
    for number in range(50):
        log.said("Authorize", {"idTag": f"SECRET-{number:04d}"})
    log.said("DataTransfer", {"data": "SECRET-0049 and SECRET-0001"})
    text = forms.post(olga, f"{PATH}/export", page=PATH).text
    assert "SECRET" not in text
    assert "STAND-IN-20" in text
    assert "STAND-IN-OTHER" in text


def pushed(app: Flask, topic: MessagesTopic) -> str:
    state = read(topic)
    with app.test_request_context():
        return topic.common(state)["messages-list"]


def read(topic: MessagesTopic) -> State:
    return topic.read(frozenset({TIME}), datetime.now(UTC), SETTINGS)


def topic_of(app: Flask, **wanted: str) -> MessagesTopic:
    charger = queries.charger("depot-7")
    assert charger is not None
    return MessagesTopic(charger, app.extensions[NAME].tails, MessageFilter.of(wanted))


@pytest.mark.both_databases
def test_followed(app: Flask, charging: Charging, log: FrameLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.said("Heartbeat", {}, {})
    every, bad = topic_of(app), topic_of(app, bad="1")
    assert items(pushed(app, every)) == 1
    before = pushed(app, bad)
    assert items(before) == 0
    monkeypatch.setattr(queries.search, "search", None)  # what comes is added without a search
    log.said("Heartbeat", {}, {})
    assert items(pushed(app, every)) == 2
    assert pushed(app, bad) is before  # what does not match is not sent
    log.write(OUT, '[2,"r","Reset",{"type":"Hard"}]')
    assert "no answer yet" in pushed(app, every)
    assert pushed(app, bad) is before
    log.write(IN, '[3,"r",{"status":"Rejected"}]')
    for topic, count in ((every, 3), (bad, 1)):
        html = pushed(app, topic)
        assert items(html) == count
        assert "Rejected" in html
        assert "no answer yet" not in html


def test_followed_as_searched(app: Flask, charging: Charging, log: FrameLog, olga: FlaskClient) -> None:
    """However much has come, the open page is as a new one; what is too much is on the next page."""
    topics = [topic_of(app), topic_of(app, action="MeterValues")]
    for number in range(400):
        log.said("MeterValues", {"n": number}, {} if number % 3 else None)
        log.asked("TriggerMessage", {"requestedMessage": "MeterValues"}, {"status": "Accepted"})
        if number % 7 == 0 or number == 399:
            for topic in topics:
                html = pushed(app, topic)
                assert items(html) <= queries.PAGE_ROWS
                assert html == pushed(app, topic_of(app, **topic.wanted.parameters()))


def test_too_much_is_searched_and_rests(
    app: Flask, charging: Charging, log: FrameLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = topic_of(app)
    log.said("Heartbeat", {})
    read(topic)
    for _ in range(following.MAX_LINES + 10):
        log.said("Heartbeat", {})
    slow = search.search

    def slowly(*arguments: object) -> search.Page:
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass
        return slow(*arguments)

    monkeypatch.setattr(queries.search, "search", slowly)
    now = datetime.now(UTC)
    changes_at = topic.read(frozenset({TIME}), now, SETTINGS).changes_at
    assert changes_at is not None
    assert changes_at - now > 2 * INTERVAL * 0.99
    assert topic.read(frozenset({TIME}), now, SETTINGS).changes_at == now + INTERVAL
