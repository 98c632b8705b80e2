"""A wall: its link opens one screen once, which shows the fleet, and is signed out everywhere else."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from polaris import administration
from polaris.administration import Refused, walls
from polaris.domain.sign_ins import Lifetime, Lifetimes
from polaris.models import AuditEntry, Wall
from polaris.push import access as push_access
from polaris.verbs.verb import Notifications
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging

LIFETIMES = Lifetimes(*[Lifetime(timedelta(days=1), timedelta(days=1))] * 2)
OPEN = {"/fleet", "/live/wall", "/live/"}  # what a wall may see; of `/live/`, the one topic
PUBLIC = {  # what anybody may see
    "/sign-in",
    "/sign-in/passkey",
    "/sign-in/second-step",
    "/forgotten-password",
    "/static/<path:filename>",
    "/manifest.webmanifest",
    "/service-worker.js",
    "/offline",
    "/wall/<token>",
    "/electrician/<token>",
    "/csp-reports",
    "/healthz",
    "/readyz",
    "/.well-known/security.txt",
    "/sign-out",
}


def link(days: int = 90) -> str:
    return administration.add_wall("Office", days, actor=ACTOR, now=now())


@pytest.fixture
def screen(app: Flask, cast: Cast) -> FlaskClient:
    """A browser that was made a wall."""
    client = app.test_client()
    assert forms.fill_in(client, f"/wall/{link()}").location == "/fleet?wall=1"
    return client


def path_of(rule: Rule) -> str:
    return re.sub("<id:[^>]+>", "1", re.sub("<(?!id:)[^>]+>", "depot-7", rule.rule))


@pytest.mark.both_databases
def test_screen_shows_the_fleet_without_names(screen: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.status("Charging")
    charging.meter(charging.start(cast.ada.id_tag), 3500, power_w=7200)

    answer = screen.get("/fleet?wall=1")

    assert answer.status_code == 200
    assert "Depot 7" in answer.text
    assert "7.2 kW" in answer.text
    for absent in ("<a ", "<form", "<button", "<input", "hx-", cast.ada.email, cast.ada.id_tag):
        assert absent not in answer.text, absent
    assert f'data-viewer="{answer.headers["Polaris-Viewer"]}"' in answer.text
    assert answer.headers["Polaris-Viewer"] != "none"
    assert "fleet-wall" in screen.get("/live/wall?once=1").text
    assert screen.get(f"/fleet?wall=1&text={cast.ada.email}").text.count("wall__row") == answer.text.count("wall__row")


def test_screen_opens_nothing_else(app: Flask, screen: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    stranger = app.test_client()
    seen = 0
    for rule in app.url_map.iter_rules():
        if rule.rule in OPEN | PUBLIC:
            continue
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            own, others = (client.open(path_of(rule), method=method, data={}) for client in (screen, stranger))
            assert own.status_code == others.status_code, rule
            assert own.status_code not in (200, 303), rule
            assert own.headers.get("Location") == others.headers.get("Location"), rule
            seen += 1
    assert seen > 25
    assert screen.get("/fleet").location == "/sign-in?next=/fleet"
    assert screen.get("/fleet?wall=2").status_code == 302


def test_screen_watches_no_other_topic(app: Flask, screen: FlaskClient, cast: Cast) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("live.") and rule.rule not in OPEN:
            assert screen.get(path_of(rule), query_string={"once": ""}).status_code == 401, rule
            assert screen.get("/live/", query_string={"topic": path_of(rule)}).status_code == 404, rule
    for topic in ("/fleet?wall=1", "/live/fleet?wall=1", "/live/", "//["):
        assert screen.get("/live/", query_string={"topic": topic}).status_code == 404


@pytest.mark.both_databases
def test_link_opens_one_screen_once(app: Flask, cast: Cast) -> None:
    token = link()
    first, second = app.test_client(), app.test_client()
    assert first.get("/fleet?wall=1").status_code == 302
    for method in ("HEAD", "GET", "GET"):  # looking at it uses nothing up
        assert second.open(f"/wall/{token}", method=method).status_code == 200
        assert Wall.get().opened_at is None
    assert first.post(f"/wall/{token}").status_code == 400  # without the form's token
    answer = forms.fill_in(first, f"/wall/{token}")

    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("polaris-wall=", "HttpOnly", "SameSite=Strict", "Expires="))
    closed = second.get(f"/wall/{token}")
    assert (closed.status_code, "This link is no longer good" in closed.text) == (404, True)
    assert Wall.get().token_hash not in cookie
    for stolen in (token, Wall.get().token_hash, "", "x" * 500):
        second.set_cookie("polaris-wall", stolen)
        assert second.get("/fleet?wall=1").status_code == (410 if stolen else 302)
    assert [row.action for row in AuditEntry.select().where(AuditEntry.target == "Office")] == [
        "wall.added",
        "wall.opened",
    ]
    assert token not in "".join(f"{row.target}{row.detail}" for row in AuditEntry.select())


@pytest.mark.both_databases
def test_unopened_link_shows_nothing_as_a_cookie(client: FlaskClient, cast: Cast) -> None:
    client.set_cookie("polaris-wall", link())
    assert client.get("/fleet?wall=1").status_code == 410
    assert client.get("/live/wall?once=1").status_code == 401


@pytest.mark.both_databases
def test_removed_wall_shows_nothing(screen: FlaskClient, cast: Cast) -> None:
    token_hash = Wall.get().token_hash
    assert push_access.devices([token_hash], LIFETIMES, now=now()) == {token_hash: push_access.WALL}
    notifications = Notifications()

    administration.remove_wall(notifications, "Office", actor=ACTOR, now=now())

    assert [each.channel for each in notifications] == ["account:0"]
    assert push_access.devices([token_hash], LIFETIMES, now=now()) == {}
    ended = screen.get("/fleet?wall=1")
    assert (ended.status_code, "This wall has ended" in ended.text) == (410, True)
    assert screen.get("/live/wall?once=1").status_code == 401


def test_wall_ends_at_its_date(screen: FlaskClient, cast: Cast) -> None:
    token_hash, later = Wall.get().token_hash, now() + timedelta(days=90)
    assert push_access.devices([token_hash], LIFETIMES, now=later) == {}
    Wall.update(ends_at=now()).execute()
    assert screen.get("/fleet?wall=1").status_code == 410


def test_signed_in_person_does_not_use_a_link_up(client: FlaskClient, cast: Cast) -> None:
    token = link()
    forms.sign_in(client, cast.olga)
    page = client.get(f"/wall/{token}").text
    assert "You are signed in here" in page
    answer = forms.post(client, f"/wall/{token}", page="/account")
    assert "polaris-wall" not in answer.headers.get("Set-Cookie", "")
    assert Wall.get().opened_at is None
    assert client.get("/fleet?wall=1").status_code == 200  # operators see what a screen shows


def test_drivers_see_no_walls(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    for path in ("/walls", "/fleet?wall=1", "/live/wall", "/live/walls"):
        assert client.get(path).status_code == 404


def test_operator_lists_and_removes(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.olga)
    assert "No walls yet." in client.get("/walls").text
    link()
    assert "Not opened yet" in client.get("/walls").text
    assert forms.fill_in(client, "/actions/fleet/remove-wall?name=Office&next=/walls").location == "/walls"
    assert "No walls yet." in client.get("/walls").text


def test_link_names_the_site(olga: FlaskClient) -> None:
    page = forms.fill_in(olga, "/actions/fleet/add-wall", name="Office", days="90").text
    assert "Copy this link now" in page
    assert re.search(r"<code>http://localhost/wall/[\w-]+</code>", page)


def test_names_and_numbers_bounded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walls, "MAX_WALLS", 1)
    link()
    with pytest.raises(Refused, match="There is a wall Office already"):
        link()
    with pytest.raises(Refused, match="There are 1 walls already"):
        administration.add_wall("Hall", 1, actor=ACTOR, now=now())
    with pytest.raises(Refused, match="There is no wall Hall"):
        administration.remove_wall(Notifications(), "Hall", actor=ACTOR, now=now())
    administration.add_wall("Office", 1, actor=ACTOR, now=now() + timedelta(days=90))  # the first has ended


def test_link_is_whole(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.olga)
    made = forms.fill_in(client, "/actions/fleet/add-wall?name=Hall", days="3").text
    assert re.search(r"<code>http://localhost/wall/[\w-]+</code>", made)
    assert "Whoever has it can use it, once." in made
