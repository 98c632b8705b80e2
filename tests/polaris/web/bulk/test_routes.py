"""The pages of commands to many chargers: for operators alone, a list first, then what becomes of each."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import models
from polaris.domain import bulk
from polaris.models import BulkCommand, BulkItem, Charger, ChargingSession, Command
from polaris.push.topic import WHOLE, RenderSettings
from polaris.services import NAME
from polaris.web.bulk.topic import BulksTopic, BulkTopic
from tests.support import forms
from tests.support.cast import Cast, now
from tests.support.charging import Charging

CONNECTED = "/bulk/new/clear-cache?connectivity=online"


@pytest.fixture
def olga(client: FlaskClient, cast: Cast, charging: Charging) -> FlaskClient:
    charging.status("Available")
    forms.sign_in(client, cast.olga)
    return client


def press(client: FlaskClient, verb: str, number: int = 1) -> str:
    """Press a button of a bulk's page; return the page that it leads to."""
    page = client.get(f"/bulk/{number}").text
    path = re.findall(rf'formaction="([^"]*/{verb})"', page)
    assert path, page
    answer = client.post(path[0], data=forms.fields(page), follow_redirects=True)
    assert answer.status_code == 200
    return answer.text


def test_drivers_find_nothing(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    forms.sign_in(client, cast.ada)
    paths = ("/bulk", "/bulk/new/reset", "/bulk/1", "/live/bulk", "/live/bulk/1")
    assert {client.get(path).status_code for path in paths} == {404}
    for path in ("/bulk/new/reset", "/bulk/1/again", "/actions/bulk/start"):
        assert forms.post(client, path, page="/account", number="1").status_code == 404
    assert BulkCommand.select().count() == 0


def test_strangers_sign_in(client: FlaskClient, cast: Cast) -> None:
    assert client.get("/bulk").location.startswith("/sign-in")
    assert client.get("/live/bulk/1").status_code == 401


@pytest.mark.both_databases
def test_dry_run_then_sent_to_that_list(app: Flask, olga: FlaskClient, cast: Cast) -> None:
    page = olga.get("/fleet?connectivity=online").text
    index = olga.get(unescape(re.findall(r'href="(/bulk[^"]*)"', page)[0])).text
    assert "1 charger matches the filter" in index
    assert CONNECTED in index

    answer = forms.fill_in(olga, CONNECTED)
    answer = olga.post(CONNECTED, data=forms.fields(olga.get(CONNECTED).text))

    assert answer.status_code == 303
    page = olga.get(answer.location).text
    assert "Dry run: nothing was sent" in page
    assert "Send it to 1 charger" in page
    assert Command.select().count() == 0
    number = int(answer.location.rpartition("/")[2])
    assert "Being sent" in press(olga, "start", number)
    assert "Paused" in press(olga, "pause", number)
    assert "Being sent" in press(olga, "resume", number)
    assert "Paused" in press(olga, "pause", number)
    assert "Being sent" in press(olga, "resume", number)
    assert "Being sent" in olga.get("/live/bulk?once").text
    assert "Cancelled" in press(olga, "cancel", number)
    assert "Cancelled" in olga.get("/live/bulk?once").text
    assert BulkCommand.get_by_id(number).requested_by == cast.olga.email


def test_what_failed_is_tried_again(app: Flask, olga: FlaskClient, cast: Cast) -> None:
    services = app.extensions[NAME]
    number = int(olga.post(CONNECTED, data=forms.fields(olga.get(CONNECTED).text)).location.rpartition("/")[2])
    press(olga, "start", number)
    command = services.ingest.request_command("depot-7", BulkCommand.get().command, "olga@example.com", now())
    with models.database.connection_context():
        Command.update(state="rejected", status="<b>No</b>", sent_at=now(), answered_at=now()).execute()
        BulkItem.update(state="requested", command_id=command).execute()
        BulkCommand.update(state="done").execute()

    page = olga.get(f"/bulk/{number}?fate=failed").text
    assert "Failed" in page
    assert "<b>No</b>" not in page
    assert "No chargers here." in olga.get(f"/bulk/{number}?fate=waiting").text
    form = forms.fields(olga.get(f"/bulk/{number}").text)
    assert "Dry run: nothing was sent" in press(olga, "again", number)
    for _ in range(2):
        assert olga.post(f"/bulk/{number}/again", data=form).location == f"/bulk/{number + 2}"
    assert [row.total for row in BulkCommand.select().order_by(BulkCommand.id)] == [1, 1, 1]


def test_left_out_with_the_reason(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    path = "/bulk/new/reset?text=depot"
    page = olga.post(path, data=forms.fields(olga.get(path).text), follow_redirects=True).text
    assert f"It would interrupt session {number}." in page
    assert "Send it to" not in page
    included = forms.fields(olga.get(path).text) | {"may_interrupt": "yes"}
    assert "Send it to 1 charger" in olga.post(path, data=included, follow_redirects=True).text


def test_sessions_are_asked_about_only_where_a_command_can_interrupt_one(olga: FlaskClient) -> None:
    asking = {kind for kind in bulk.KINDS if "session that runs now" in olga.get(f"/bulk/new/{kind}").text}
    assert asking == {"availability", "reset", "update-firmware", "set-charging-profile"}


def test_whom_it_interrupts_is_named_and_asked_about(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number, path = charging.start(cast.ada.id_tag), "/bulk/new/reset?text=depot"
    typed = forms.fields(olga.get(path).text) | {"may_interrupt": "yes", "is_hard": "yes"}
    page = olga.post(path, data=typed, follow_redirects=True).text
    whom = f"session {number} on connector 1: {cast.ada.email}"
    assert "This can interrupt 1 session." in page
    assert whom in page
    assert whom in olga.get("/live/bulk/1?once=1").text

    asked = press(olga, "start")

    assert "Send it all the same?" in asked
    assert "<span>Reset, " in asked
    assert whom in asked
    assert BulkCommand.get().state == "draft"
    assert olga.post("/actions/bulk/start", data=forms.fields(asked)).status_code == 303
    assert BulkCommand.get().state == "running"


@pytest.mark.parametrize("path", ["/bulk/new/start", "/bulk/new/nothing", "/bulk/9", "/live/bulk/9"])
def test_there_are_no_others(olga: FlaskClient, path: str) -> None:
    assert olga.get(path).status_code == 404


@pytest.mark.parametrize("query", ["state=Nonsense", "status=Faulted", "state=Faulted&state=Available", "wall=1"])
def test_filter_that_is_not_understood_refused(olga: FlaskClient, query: str) -> None:
    form = forms.fields(olga.get("/bulk/new/reset").text)
    for answer in (
        olga.get(f"/bulk?{query}"),
        olga.get(f"/bulk/new/reset?{query}"),
        olga.post(f"/bulk/new/reset?{query}", data=form),
    ):
        assert answer.status_code == 422
        assert re.search("There is no|The filter has state twice|not possible to filter by (status|wall)", answer.text)
    assert BulkCommand.select().count() == 0


@pytest.mark.parametrize("text", ["state=faulted", "harbour", "status=Faulted"])
def test_typed_filter_that_is_not_understood_refused(app: Flask, olga: FlaskClient, text: str) -> None:
    done = app.test_cli_runner().invoke(args=["bulk", "dry-run", "reset", "--filter", text])
    assert done.exit_code != 0
    assert "state" in done.output or "not possible to filter by status" in done.output
    assert BulkCommand.select().count() == 0


@pytest.mark.both_databases
def test_form_sent_twice_makes_one(olga: FlaskClient, cast: Cast) -> None:
    path = "/bulk/new/reset?connectivity=online"
    form = forms.fields(olga.get(path).text)
    one, other = (olga.post(path, data=form).location for _ in range(2))
    assert one == other
    changed = olga.post(path, data=form | {"may_interrupt": "yes"}).location
    again = olga.post(path, data=forms.fields(olga.get(path).text)).location
    assert len({one, changed, again}) == 3
    assert BulkCommand.select().count() == 3


def test_wrong_fields_and_empty_lists_refused(olga: FlaskClient, cast: Cast) -> None:
    path = "/bulk/new/set-configuration"
    answer = olga.post(path, data=forms.fields(olga.get(path).text))
    assert (answer.status_code, "field__error" in answer.text) == (422, True)
    secret = forms.fields(olga.get(path).text) | {"key": "WebPassword", "value": "x"}
    assert "holds a secret" in olga.post(path, data=secret).text
    with models.database.connection_context():
        Charger.update(status="retired").execute()
    path = "/bulk/new/clear-cache"
    assert "No charger matches." in olga.post(path, data=forms.fields(olga.get(path).text)).text


def test_list_counts_who_got_it_and_who_was_left_out(olga: FlaskClient, cast: Cast) -> None:
    with models.database.connection_context():
        Charger.create(identity="depot-8", name="Depot 8", site=Charger.get().site, key_hash="", key_version=1)
    number = int(
        olga.post("/bulk/new/clear-cache", data=forms.fields(olga.get("/bulk/new/clear-cache").text)).location[6:]
    )
    press(olga, "start", number)

    assert "1 charger, 1 left out" in olga.get("/bulk").text


def test_old_dry_run_is_made_again(olga: FlaskClient, cast: Cast) -> None:
    opened = olga.post("/bulk/new/clear-cache", data=forms.fields(olga.get("/bulk/new/clear-cache").text))
    page = olga.get(opened.location).text
    assert "Send it to 1 charger" in page
    assert "Prepared or sent lately" in olga.get("/bulk").text
    until = BulkCommand.get().requested_at + bulk.DRAFT_LIFETIME
    for topic in (BulkTopic(1, None, 0), BulksTopic()):
        assert topic.read(frozenset({WHOLE}), now(), RenderSettings("", timedelta())).changes_at == until
    with models.database.connection_context():
        BulkCommand.update(requested_at=now() - bulk.DRAFT_LIFETIME).execute()

    old = olga.get(opened.location).text
    assert "This dry run is too old: make a new one" in old
    assert "Send it to" not in old
    assert re.search(r'id="bulk-newest"[^>]* hidden', olga.get("/bulk").text)
    answer = olga.post("/actions/bulk/start", data=forms.fields(page) | {"number": "1"})
    assert answer.status_code == 422

    assert "Send it to 1 charger" in press(olga, "again")


def test_dry_run_that_nobody_would_get_says_what_to_do(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    path = "/bulk/new/reset"
    charging.start(cast.ada.id_tag)
    page = olga.post(path, data=forms.fields(olga.get(path).text), follow_redirects=True).text
    assert "Nobody would get it." in page
    with models.database.connection_context():
        ChargingSession.update(state="completed").execute()

    again = press(olga, "again")

    assert "Nobody would get it." not in again
    assert "Send it to 1 charger" in again
