"""An electrician's link: it opens one charger's run, asks what a run may ask, and is signed out everywhere else."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from polaris import administration, retention
from polaris.administration.audit import COMMAND_LINE
from polaris.commissioning import links, runs
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.sign_ins import Lifetime, Lifetimes
from polaris.models import AuditEntry, Command, Commissioning, StopRequest
from polaris.push import access
from polaris.verbs.verb import Notifications
from tests.support import forms
from tests.support.cast import ACTOR, Cast, add_person, now
from tests.support.charging import Charging

LIFETIMES = Lifetimes(*[Lifetime(timedelta(days=1), timedelta(days=1))] * 2)
OPEN = {"/electrician", "/electrician/actions", "/electrician/<token>", "/live/electrician", "/live/"}
PUBLIC = {  # what anybody may see
    "/sign-in",
    "/sign-in/passkey",
    "/sign-in/second-step",
    "/forgotten-password",
    "/static/<path:filename>",
    "/manifest.webmanifest",
    "/service-worker.js",
    "/offline",
    "/csp-reports",
    "/healthz",
    "/readyz",
    "/.well-known/security.txt",
    "/sign-out",
}


def link(cast: Cast, hours: int = 24) -> str:
    if not Commissioning.select().where(Commissioning.ended_at.is_null()).exists():
        runs.begin(cast.depot_7.identity, actor=cast.olga.email, now=now())
    return links.make(cast.depot_7.identity, hours, actor=cast.olga.email, now=now())[1]


@pytest.fixture
def electrician(app: Flask, cast: Cast) -> FlaskClient:
    """A browser that the link has let in."""
    client = app.test_client()
    assert forms.fill_in(client, f"/electrician/{link(cast)}").location == "/electrician"
    return client


def path_of(rule: Rule) -> str:
    return re.sub("<id:[^>]+>", "1", re.sub("<(?!id:)[^>]+>", "depot-7", rule.rule))


def test_an_operator_makes_a_link(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.olga)
    forms.fill_in(client, "/actions/charger/commission?identity=depot-7")

    shown = forms.fill_in(client, "/actions/charger/link-electrician?identity=depot-7", hours="8")

    assert "can be commissioned for 8 hours." in shown.text
    assert "until it ends or is revoked" in shown.text
    assert ", once." not in shown.text
    token = re.search(r"http://localhost/electrician/([\w-]+)", shown.text)
    assert token is not None
    hour = forms.fill_in(client, "/actions/charger/link-electrician?identity=depot-7", hours="1")
    assert "for 1 hour." in hour.text
    assert token[1] not in {Commissioning.get().link_hash}
    assert "opens this run until" in client.get("/fleet/depot-7/commission").text
    assert forms.fill_in(client, "/actions/charger/link-electrician?identity=depot-7", hours="25").status_code == 422


def test_electrician_follows_the_run(electrician: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.connect()
    answer = electrician.get("/electrician")

    assert "OCPP 1.6, security profile 1." in answer.text
    assert f'data-viewer="{answer.headers["Polaris-Viewer"]}"' in answer.text
    for absent in ('href="/', "/actions/charger", "/fleet", cast.olga.email.replace("olga", "ada")):
        assert absent not in answer.text.partition("<main")[2], absent
    assert "commissioning" in electrician.get("/live/electrician?once=1").text
    forms.post(electrician, "/electrician/actions", page="/electrician", ask="restart 0")
    assert [row.requested_by for row in Command.select()] == [f"electrician of {cast.olga.email}"]


def test_electrician_stops_the_session(electrician: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.connect()
    forms.post(electrician, "/electrician/actions", page="/electrician", ask="stop 1")
    assert "No session of this run is in progress." in electrician.get("/electrician").text
    charging.start(cast.ada.id_tag)

    forms.post(electrician, "/electrician/actions", page="/electrician", ask="stop 1")

    assert StopRequest.get().account_id == cast.olga.id
    asked = AuditEntry.get(AuditEntry.action == "stop.requested")
    assert asked.actor == f"electrician of {cast.olga.email}"


@pytest.mark.parametrize(
    "asked", ["end 0", "skip 0", "start 0", "set HeartbeatInterval", "set", "stop", "unlock 0", "set \0 \0", ""]
)
def test_what_no_button_asks_is_refused_on_the_page(electrician: FlaskClient, cast: Cast, asked: str) -> None:
    refused = forms.post(electrician, "/electrician/actions", page="/electrician", ask=asked)

    assert refused.status_code == 422
    assert "No button of this page asks for that, so nothing was done." in refused.text
    assert 'id="commission-ask"' in refused.text
    assert "no longer good" not in refused.text
    assert "No button" not in electrician.get("/electrician").text


def test_it_names_nobody(electrician: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.connect()
    charging.start(cast.ada.id_tag)
    forms.post(electrician, "/electrician/actions", page="/electrician", ask="restart 0")

    page = electrician.get("/electrician").text

    assert "End what runs there first: session 1 on connector 1." in page
    for name in ("@example.com", cast.ada.id_tag):
        assert name not in page
        assert name not in electrician.get("/live/electrician?once=1").text


def test_it_opens_nothing_else(app: Flask, electrician: FlaskClient, cast: Cast) -> None:
    stranger = app.test_client()
    seen = 0
    for rule in app.url_map.iter_rules():
        if rule.rule in OPEN | PUBLIC:
            continue
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            own, others = (client.open(path_of(rule), method=method, data={}) for client in (electrician, stranger))
            assert own.status_code == others.status_code, rule
            assert own.status_code not in (200, 303), rule
            assert own.headers.get("Location") == others.headers.get("Location"), rule
            seen += 1
    assert seen > 25


def test_it_watches_no_other_topic(app: Flask, electrician: FlaskClient) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("live.") and rule.rule not in OPEN:
            assert electrician.get(path_of(rule), query_string={"once": ""}).status_code == 401, rule
            assert electrician.get("/live/", query_string={"topic": path_of(rule)}).status_code == 404, rule


def test_looking_lets_nobody_in(app: Flask, cast: Cast) -> None:
    token, client = link(cast), app.test_client()
    for method in ("HEAD", "GET"):
        assert client.open(f"/electrician/{token}", method=method).status_code == 200
    closed = client.get("/electrician")
    assert (closed.status_code, "This link is no longer good" in closed.text) == (404, True)
    assert "/sessions" not in closed.text
    assert client.get("/electrician/" + "x" * 43).status_code == 404
    assert client.get("/electrician/" + "x" * 5000).status_code in (404, 414)


@pytest.mark.parametrize("ended", ["revoked", "replaced", "ended", "over", "driver", "suspended", "erased"])
@pytest.mark.both_databases
def test_it_ends(app: Flask, electrician: FlaskClient, cast: Cast, ended: str) -> None:
    add_person("oscar@example.com", role=Role.OPERATOR)  # or Olga would have to stay
    token_hash = Commissioning.get().link_hash
    assert access.devices([token_hash], LIFETIMES, now=now()) == {token_hash: access.WALL}
    match ended:
        case "revoked":
            links.revoke("depot-7", actor=cast.olga.email, now=now())
        case "replaced":
            link(cast)
        case "ended":
            runs.end("depot-7", actor=cast.olga.email, now=now())
        case "over":
            Commissioning.update(link_ends_at=now()).execute()
        case "driver":
            administration.set_account_role(Notifications(), cast.olga.email, Role.DRIVER, actor=ACTOR, now=now())
        case "suspended":
            suspended = AccountStatus.SUSPENDED
            administration.set_account_status(Notifications(), cast.olga.email, suspended, actor=ACTOR, now=now())
            active = AccountStatus.ACTIVE
            administration.set_account_status(Notifications(), cast.olga.email, active, actor=ACTOR, now=now())
        case "erased":
            retention.erase(Notifications(), cast.olga.email, actor=ACTOR, now=now())

    assert access.devices([token_hash], LIFETIMES, now=now()) == {}
    assert electrician.get("/electrician").status_code == 404
    assert electrician.get("/live/electrician").status_code == 401
    assert forms.post(electrician, "/electrician/actions", page="/sign-in", ask="restart 0").status_code == 404
    assert not Command.select().exists()


def test_it_acts_for_its_maker(app: Flask, cast: Cast, charging: Charging) -> None:
    oscar, client = add_person("oscar@example.com", role=Role.OPERATOR), app.test_client()
    runs.begin("depot-7", actor=cast.olga.email, now=now())
    _, token = links.make("depot-7", 24, actor=oscar.email, now=now())
    forms.fill_in(client, f"/electrician/{token}")
    charging.connect()
    charging.start(cast.ada.id_tag)
    administration.set_account_role(Notifications(), cast.olga.email, Role.DRIVER, actor=ACTOR, now=now())

    forms.post(client, "/electrician/actions", page="/electrician", ask="stop 1")
    forms.post(client, "/electrician/actions", page="/electrician", ask="report-status 0")

    assert StopRequest.get().account_id == oscar.id
    assert [row.requested_by for row in Command.select()] == [f"electrician of {oscar.email}"]


def test_link_of_the_command_line_stops_its_session(app: Flask, cast: Cast, charging: Charging) -> None:
    client = app.test_client()
    runs.begin("depot-7", actor=cast.olga.email, now=now())
    _, token = links.make("depot-7", 24, actor=COMMAND_LINE, now=now())
    forms.fill_in(client, f"/electrician/{token}")
    charging.connect()
    charging.start(cast.ada.id_tag)

    forms.post(client, "/electrician/actions", page="/electrician", ask="stop 1")

    (asked,) = StopRequest.select()
    assert (asked.account_id, asked.session.connector) == (None, 1)


def test_run_names_no_link_that_opens_nothing(client: FlaskClient, cast: Cast) -> None:
    oscar = add_person("oscar@example.com", role=Role.OPERATOR)
    forms.sign_in(client, oscar)
    link(cast)
    assert "opens this run until" in client.get("/fleet/depot-7/commission").text
    administration.set_account_role(Notifications(), cast.olga.email, Role.DRIVER, actor=ACTOR, now=now())
    assert "opens this run until" not in client.get("/fleet/depot-7/commission").text


def test_what_is_made_of_links_is_audited(client: FlaskClient, cast: Cast) -> None:
    link(cast)
    link(cast, hours=1)
    links.revoke("depot-7", actor=cast.olga.email, now=now())
    rows = list(AuditEntry.select().where(AuditEntry.action.contains("link")).order_by(AuditEntry.id))
    assert [row.action.removeprefix("commissioning.link_") for row in rows] == ["made", "made", "revoked"]
    details = [row.detail.partition(" UTC")[2] for row in rows]
    assert [detail.partition(", until")[0] for detail in details] == [
        "",
        f", instead of: made by {cast.olga.email}",
        "",
    ]


def test_no_log_has_the_link(app: Flask, cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    client, token = app.test_client(), link(cast)
    forms.sign_in(client, cast.ada)
    for path in (f"/electrician/{token}", f"/wall/{token}", f"/invitations/{token}"):
        assert client.post(path, data={"csrf_token": "stale"}).status_code == 400
    details = [row.detail for row in AuditEntry.select().where(AuditEntry.action == "form.refused")]
    assert details[0] == "POST /electrician/…: its token is not valid"
    assert len(details) == 3
    assert not [row for row in AuditEntry.select() if token in row.detail]
    assert token not in caplog.text


def test_stale_form_leads_a_guest_to_the_page(app: Flask, electrician: FlaskClient, cast: Cast) -> None:
    token = links.make(cast.depot_7.identity, 24, actor=cast.olga.email, now=now())[1]
    stranger = app.test_client()
    for client, path, back in (
        (electrician, "/electrician/actions", "/electrician"),
        (stranger, f"/electrician/{token}", f"/electrician/{token}"),
    ):
        answer = client.post(path, data={"csrf_token": "stale"})
        assert (answer.status_code, f'href="{back}"' in answer.text) == (400, True)
        assert "/sign-in" not in answer.text
