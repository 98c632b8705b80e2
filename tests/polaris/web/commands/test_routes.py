"""The forms of commands by plain HTTP: what they ask, refuse, keep of what was typed, and send once."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import models
from polaris.config import Config
from polaris.domain.commands import parameters
from polaris.domain.commands.catalog import KINDS, Reset
from polaris.domain.facts import ChargerBooted
from polaris.ingest import RequestTerms, settings
from polaris.models import Charger, Command
from polaris.pubsub import COMMAND_CHANGED, PubSubMessage
from polaris.push.topic import WHOLE
from polaris.services import NAME
from polaris.web.commands import queries
from polaris.web.commands.queries import ROWS
from polaris.web.commands.topic import CommandsTopic, CommandTopic
from polaris.web.commands.view import GROUPS
from tests.support import cast as cast_
from tests.support import forms, plans
from tests.support.cast import Cast, now
from tests.support.charging import Charging
from tests.support.valkey import Valkey

EVIL = "\"'><script>alert(1)</script>"
COMMANDS = "/fleet/depot-7/commands"


class Form:
    """A form as it was rendered, to be sent as often as one likes."""

    def __init__(self, client: FlaskClient, kind: str, answer: TestResponse | None = None) -> None:
        self.client, self.kind = client, kind
        self.html = (answer or client.get(f"{COMMANDS}/{kind}")).text
        self.hidden = re.findall(r'<input type="hidden"\s+name="([^"]+)"\s+value="([^"]+)"', self.html)

    def send(self, **fields: Any) -> TestResponse:
        values: dict[str, Any] = {}
        for name, value in self.hidden:
            values.setdefault(name, []).append(value)
        return self.client.post(f"{COMMANDS}/{self.kind}", data=values | fields)

    @property
    def key(self) -> str:
        return dict(self.hidden)["request_key"]


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def sent() -> list[Command]:
    return list(Command.select().order_by(Command.id))


def test_groups_hold_each_kind_once() -> None:
    assert sorted(kind for kinds in GROUPS.values() for kind in kinds) == sorted(KINDS)


@pytest.mark.both_databases
def test_page_leads_to_each_form(olga: FlaskClient) -> None:
    page = olga.get("/fleet/depot-7").text
    for kind in KINDS:
        assert f'href="{COMMANDS}/{kind}"' in page
        form = olga.get(f"{COMMANDS}/{kind}")
        assert form.status_code == 200
        for argument in parameters.of(kind):
            assert f'name="{argument.name}"' in form.text
            assert argument.label in unescape(form.text)
    assert "Nothing was asked of it yet." in page


@pytest.mark.both_databases
def test_sent_once_for_each_form(olga: FlaskClient, cast: Cast) -> None:
    form = Form(olga, "unlock")
    answers = [form.send(connector="1") for _ in range(3)]
    (command,) = sent()
    assert {answer.status_code for answer in answers} == {303}
    assert {answer.location for answer in answers} == {f"/fleet/depot-7#command-{command.id}"}
    assert (command.arguments, command.requested_by, command.state) == ('{"connector":1}', cast.olga.email, "offline")
    page = olga.get("/fleet/depot-7").text
    assert f'id="command-{command.id}"' in page
    assert "The charger is offline." in page
    changed = form.send(connector="2")
    assert changed.status_code == 409
    assert "This form was sent already, with other values." in changed.text
    assert Form(olga, "unlock", changed).send(connector="2").status_code == 303
    assert [command.arguments for command in sent()] == ['{"connector":1}', '{"connector":2}']


@pytest.mark.parametrize("key", ["", "short", "x" * 65, "spaces in it, and more of them", EVIL])
def test_forged_key_is_refused(olga: FlaskClient, key: str) -> None:
    assert Form(olga, "clear-cache").send(request_key=key).status_code == 422
    assert not sent()


def test_problem_beside_its_field_and_text_kept(olga: FlaskClient) -> None:
    answer = Form(olga, "reserve").send(reservation=EVIL, id_tag=EVIL, until_at="2026-11-23T14:00", connector="x")
    assert answer.status_code == 422
    assert EVIL not in answer.text
    assert EVIL in unescape(answer.text)
    assert 'id="field-reservation-error">Type a whole number from 1 to 2147483647.' in answer.text
    assert 'aria-describedby="field-reservation-error field-reservation-hint"' in answer.text
    assert 'value="2026-11-23T14:00"' in answer.text
    answer = Form(olga, "set-charging-profile").send(profile="{", connector="0")
    assert "This is not JSON." in answer.text
    assert not sent()


@pytest.mark.parametrize("kind", KINDS)
def test_html_in_every_field(olga: FlaskClient, kind: str) -> None:
    fields = {argument.name: EVIL for argument in parameters.of(kind)}
    assert "<script>alert(1)" not in Form(olga, kind).send(**fields).text
    assert "<script>alert(1)" not in olga.get(f"{COMMANDS}/{kind}", query_string=fields).text
    assert "<script>alert(1)" not in olga.get("/fleet/depot-7").text


def test_instant_is_of_the_site(olga: FlaskClient, app: Flask) -> None:
    app.test_cli_runner().invoke(args=["site", "set", "Main", "--time-zone", "Europe/Berlin"])
    form = Form(olga, "reserve")
    assert "By the clock of Europe/Berlin." in unescape(form.html)
    assert form.send(reservation="1", id_tag="A", until_at="2099-07-01T14:00").status_code == 303
    (command,) = sent()
    assert '"until_at":"2099-07-01T14:00:00+02:00"' in command.arguments
    again = olga.get(f"{COMMANDS}/reserve?again={command.id}").text
    assert 'value="2099-07-01T14:00:00"' in again


def test_again_fills_in_all_but_secrets(olga: FlaskClient) -> None:
    Form(olga, "set-configuration").send(key="WifiPassword", value="a-secret")
    Form(olga, "reset").send(is_hard="yes", connector="2")
    setting, reset = sent()
    again = olga.get(f"{COMMANDS}/set-configuration?again={setting.id}").text
    assert 'value="WifiPassword"' in again
    assert "a-secret" not in again
    assert "***" not in again
    again = olga.get(f"{COMMANDS}/reset?again={reset.id}").text
    assert re.search(r'id="field-is_hard"[^>]*checked', again)
    assert 'value="2"' in again
    assert 'value="2"' not in olga.get(f"{COMMANDS}/unlock?again={reset.id}").text


@pytest.mark.both_databases
def test_asks_once_more_and_again_for_another(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    first = charging.start(cast.ada.id_tag)
    charging.meter(first, 3200)
    asked = Form(olga, "reset").send()
    assert asked.status_code == 409
    assert f"session {first} on connector 1: ada@example.com, 2.20 kWh" in asked.text
    assert not sent()
    second = charging.start(cast.ben.id_tag, connector=2)
    form = Form(olga, "reset", asked)
    asked = form.send()
    assert asked.status_code == 409
    assert f"session {second} on connector 2: ben@example.com" in asked.text
    assert not sent()
    for _ in range(2):
        assert Form(olga, "reset", asked).send().status_code == 303
    (command,) = sent()
    assert command.agreed_sessions == f"[{first}, {second}]"
    assert form.send(agreed="999").status_code == 303  # of the same key
    assert len(sent()) == 1


def test_question_is_answered_by_no_second_enter(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    charging.connect()
    Form(olga, "reset").send(dry_run="yes", is_hard="yes")
    Command.update(state="previewed", connection_id="1").execute()  # as its bridge does
    token = forms.token(olga, "/fleet")

    from_line = olga.post(f"{COMMANDS}/{sent()[0].id}/send", data={"csrf_token": token}).text

    for page in (Form(olga, "reset").send().text, from_line):
        assert re.findall(r"<(\w+)[^>]*\bautofocus\b", page) == ["div"]
    assert "<h1>Reset</h1>" in from_line
    assert "Depot 7 (depot-7): Hard" in text_of(from_line)


def test_leads_back_to_where_it_was_asked_for(olga: FlaskClient) -> None:
    page = olga.get(f"{COMMANDS}/reset?next=/attention")
    assert '<a class="button button--quiet" href="/attention">' in " ".join(page.text.split())
    assert Form(olga, "reset", page).send(dry_run="yes").location.startswith("/fleet/depot-7")

    answer = Form(olga, "reset", olga.get(f"{COMMANDS}/reset?next=/attention")).send()

    assert (answer.status_code, answer.location) == (303, "/attention")
    assert "Reset was asked of Depot 7." in olga.get("/attention").text
    away = Form(olga, "clear-cache", olga.get(f"{COMMANDS}/clear-cache?next=//evil.example")).send()
    assert away.location.startswith("/fleet/depot-7")


def test_dry_run_asks_nothing(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    form = Form(olga, "reset")
    for _ in range(2):
        assert form.send(dry_run="yes").status_code == 303
    (command,) = sent()
    assert (command.is_dry_run, command.state) == (True, "offline")
    assert "Dry run: Offline" in re.sub(r"\s+", " ", olga.get("/fleet/depot-7").text)
    token = forms.token(olga, "/fleet")
    answer = olga.post(f"{COMMANDS}/{command.id}/send", data={"csrf_token": token}, follow_redirects=True)
    assert "The charger has no such dry run." in answer.text
    assert olga.post(f"{COMMANDS}/999/send", data={"csrf_token": token}).status_code == 303
    assert [command.state for command in sent()] == ["offline"]


def test_refusal_of_ingest_beside_the_form(olga: FlaskClient) -> None:
    answer = Form(olga, "transaction-status").send(session="99")
    assert answer.status_code == 409
    assert "The charger has no such session." in answer.text
    assert 'value="99"' in answer.text


def test_unknown_kind_and_charger(olga: FlaskClient, app: Flask) -> None:
    token = forms.token(olga, f"{COMMANDS}/reset")
    for path in (f"{COMMANDS}/levitate", "/fleet/nobody/commands/reset", "/fleet/a%00b/commands/reset"):
        assert olga.get(path).status_code == 404
        assert olga.post(path, data={"csrf_token": token}).status_code == 404
    assert olga.get("/fleet/nobody/commands").status_code == 404
    app.test_cli_runner().invoke(args=["charger", "retire", "depot-7", "--yes"])
    refused = Form(olga, "clear-cache").send()
    assert (refused.status_code, sent()) == (409, [])
    assert "retired" in refused.text


@pytest.mark.both_databases
def test_older_commands_by_page(olga: FlaskClient, app: Flask, cast: Cast) -> None:
    values = {"charger": cast.depot_7.id, "kind": "reset", "arguments": "{}", "requested_by": EVIL, "status": EVIL}
    values |= {"requested_at": now(), "deadline_at": now(), "state": "error", "answer": EVIL, "sent_at": now()}
    Command.insert_many([values] * (2 * ROWS + 1)).execute()
    page = olga.get("/fleet/depot-7").text
    assert page.count('class="command-line"') == ROWS
    assert EVIL not in page
    shown = [page]
    while older := re.search(r'href="([^"]*/commands\?before=\d+)"', shown[-1]):
        shown.append(olga.get(unescape(older[1])).text)
    ids = [found for html in shown for found in re.findall(r'id="command-(\d+)"', html)]
    assert len(ids) == len(set(ids)) == 2 * ROWS + 1
    assert "<span>Newest</span>" in shown[-1]


def test_drivers_get_404(client: FlaskClient, cast: Cast) -> None:
    token = forms.token(client, "/sign-in")
    for path in (COMMANDS, f"{COMMANDS}/reset"):
        assert client.get(path).status_code == 302
    forms.sign_in(client, cast.ada)
    token = forms.token(client, "/account")
    for path in (COMMANDS, f"{COMMANDS}/reset", f"{COMMANDS}/levitate", f"{COMMANDS}/1"):
        assert client.get(path).status_code == 404
    for path in (f"{COMMANDS}/reset", f"{COMMANDS}/1/send"):
        assert client.post(path, data={"csrf_token": token, "request_key": "x" * 32}).status_code == 404
    assert not sent()


def test_without_a_token(olga: FlaskClient) -> None:
    form = Form(olga, "reset")
    form.hidden = [("request_key", form.key)]
    assert form.send().status_code in (400, 422)
    assert not sent()


def test_without_redis(olga: FlaskClient, valkey: Valkey) -> None:
    form = Form(olga, "clear-cache")
    valkey.stop()
    assert form.send().status_code == 303
    assert "It could not be sent: Redis does not answer." in olga.get("/fleet/depot-7").text


@pytest.mark.both_databases
def test_needs_restart_until_boot(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    values = {"charger": cast.depot_7.id, "kind": "set-configuration", "arguments": '{"key":"A","value":"1"}'}
    values |= {"requested_by": "olga", "requested_at": now(), "deadline_at": now(), "sent_at": now()}
    Command.create(**values, state="accepted", status="RebootRequired", answered_at=now())
    assert "It needs a restart" in olga.get("/fleet/depot-7").text
    boot = ChargerBooted(vendor="", model="", serial="", firmware="", charger_id=cast.depot_7.id, received_at=now())
    charging.ingest.store([boot], now())
    assert "It needs a restart" not in olga.get("/fleet/depot-7").text


@pytest.mark.both_databases
def test_command_whole(olga: FlaskClient, cast: Cast, config: Config) -> None:
    cast_.add_charger(config, "depot-8")
    values = {"charger": cast.depot_7.id, "kind": "reset", "arguments": "{}", "requested_by": "olga", "frame": EVIL}
    values |= {"requested_at": now(), "deadline_at": now(), "state": "previewed", "is_dry_run": True}
    command = Command.create(**values, answer='"' + "x" * 60_000 + '"')
    shown = olga.get(f"{COMMANDS}/{command.id}").text
    assert "x" * 60_000 in shown
    assert "<script>alert(1)" not in shown
    page = olga.get("/fleet/depot-7").text
    assert "x" * 1000 not in page
    assert f'href="{COMMANDS}/{command.id}"' in page
    for path in (f"/fleet/depot-8/commands/{command.id}", f"{COMMANDS}/{command.id + 1}", f"{COMMANDS}/{10**30}"):
        assert olga.get(path).status_code == 404
    token = forms.token(olga, f"{COMMANDS}/reset")
    for number, status in ((command.id, 303), (10**30, 404)):
        assert olga.post(f"/fleet/depot-8/commands/{number}/send", data={"csrf_token": token}).status_code == status
    assert sent()[0].state == "previewed"


@pytest.mark.both_databases
def test_no_table_read_whole(app: Flask, cast: Cast, charging: Charging) -> None:
    ingest, terms = app.extensions[NAME].ingest, RequestTerms("a-key", agreed=frozenset())
    charging.start(cast.ada.id_tag)
    with plans.executed() as statements:
        queries.lines(cast.depot_7.id, now(), before=9)
        queries.command("depot-7", 1, now())
        queries.charger("depot-7", now())
        ingest.request_command("depot-7", Reset(), "olga", now(), terms)
        ingest.send_dry_run("depot-7", 1, "olga", now(), frozenset())
        settings.version(cast.depot_7.id)
    assert plans.full_scans([statement for statement in statements if "audit_entry" not in statement[0]]) == []


def test_blocked_charger_is_named_so(olga: FlaskClient, cast: Cast) -> None:
    Charger.update(status="blocked").execute()
    for pressed in ({}, {"dry_run": "1"}):
        answer = Form(olga, "reset").send(**pressed)
        assert answer.status_code == 409
        assert "The charger is blocked, so nothing reaches it: unblock it first." in answer.text
    assert sent() == []


@pytest.mark.both_databases
def test_open_pages_follow(app: Flask, olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    made = app.extensions[NAME].ingest.request_command("depot-7", Reset(), "Olga", now())
    pages = {address: olga.get(f"/fleet/depot-7/{address}").text for address in ("commands", f"commands/{made}")}
    for address, page in pages.items():
        assert f'data-address="/live/chargers/depot-7/{address}"' in page
    with models.database.connection_context():
        Command.update(state="accepted", status="Accepted", sent_at=now(), answered_at=now()).execute()

    for address in pages:
        assert "The charger accepted." in olga.get(f"/live/chargers/depot-7/{address}?once").text
    for topic in (CommandsTopic(1, "depot-7", None), CommandTopic(1, "depot-7", made)):
        assert topic.changes(PubSubMessage(COMMAND_CHANGED, {"charger": 1, "command": made})) is WHOLE
        assert topic.changes(PubSubMessage(COMMAND_CHANGED, {"charger": 2, "command": 9})) is None


@pytest.mark.parametrize("address", ["commands", "commands/1"])
def test_streams_are_operators_alone(
    app: Flask, client: FlaskClient, cast: Cast, charging: Charging, address: str
) -> None:
    charging.ingest.request_command("depot-7", Reset(), "Olga", now())
    assert client.get(f"/live/chargers/depot-7/{address}").status_code == 401
    forms.sign_in(client, cast.ada)
    assert client.get(f"/live/chargers/depot-7/{address}").status_code == 404
    olga = app.test_client()
    forms.sign_in(olga, cast.olga)
    for path in (f"depot-8/{address}", "depot-7/commands/9"):
        assert olga.get(f"/live/chargers/{path}").status_code == 404


def test_error_is_said_once_with_its_words(olga: FlaskClient, cast: Cast) -> None:
    values = {"charger": cast.depot_7.id, "kind": "reset", "arguments": "{}", "requested_by": "olga"}
    values |= {"requested_at": now(), "deadline_at": now(), "sent_at": now(), "answered_at": now(), "state": "error"}
    Command.create(**values, status="InternalError (Ask <Bob>)", answer='{"x":"detail-xyz"}')
    for path in ("/fleet/depot-7", COMMANDS, f"{COMMANDS}/1"):
        page = olga.get(path).text
        assert "The charger answered with an error: InternalError (Ask &lt;Bob&gt;)." in page
        assert page.count("InternalError") == 1
        assert "detail-xyz" in page


@pytest.mark.parametrize(
    ("state", "status", "is_sent", "is_dry_run", "badge"),
    [
        ("timed_out", "", True, False, "No answer"),
        ("timed_out", "", False, False, "Not sent"),
        ("timed_out", "Accepted", True, False, "No session"),
        ("timed_out", "", False, True, "Dry run: Not made"),
        ("rejected", "Rejected", True, False, "Rejected"),
        ("rejected", "OCPP 1.6 has no such command.", False, False, "Not sent"),
        ("rejected", "OCPP 1.6 has no such command.", False, True, "Dry run: Rejected"),
        ("error", "", False, False, "Not sent"),
    ],
)
def test_badge_says_what_became_of_it(
    olga: FlaskClient, cast: Cast, state: str, status: str, *, is_sent: bool, is_dry_run: bool, badge: str
) -> None:
    values = {"charger": cast.depot_7.id, "kind": "start", "arguments": "{}", "requested_by": "olga", "state": state}
    values |= {"requested_at": now(), "deadline_at": now(), "sent_at": now() if is_sent else None, "status": status}
    Command.create(**values, is_dry_run=is_dry_run)
    line = text_of(olga.get(COMMANDS).text.partition('class="badge"')[2].partition("</span>")[0].partition(">")[2])
    assert line.strip() == badge
