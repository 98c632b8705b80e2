"""The fragment contract: one root, its id, its revision, nothing of the request; what is pushed is what is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration
from polaris.commissioning import links, runs
from polaris.domain.commands.catalog import ClearCache
from polaris.domain.enums import AccountStatus, ConnectorStatus, Role
from polaris.domain.fleet_query import Query
from polaris.domain.limit import Limit, LimitKind
from polaris.domain.start_request import Bay, Obstacle, Running, StartObstacle, StartPhase
from polaris.domain.viewer import Viewer
from polaris.ingest.bulk_commands import BulkCommands
from polaris.ingest.session_limits import SessionLimits
from polaris.push.topic import WHOLE, RenderSettings
from polaris.rendering import filters
from polaris.rendering.fragments import Fragments
from polaris.services import NAME, Services
from polaris.web.account import fragments as account_fragments
from polaris.web.chargers.topic import ChargerTopic
from polaris.web.fleet import fragments as fleet_fragments
from polaris.web.fleet import topic as fleet_topic
from polaris.web.sessions import forms as session_forms
from polaris.web.sessions import fragments as session_fragments
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions.point import Point
from polaris.web.sessions.view import SessionView
from polaris.web.start import fragments as start_fragments
from polaris.web.start.view import Card, StartControl, StartPage
from tests.support import cast as cast_
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.frames import FrameLog
from tests.support.wait import eventually

PAGES = {  # by the endpoint of their stream
    "live.home": "/",
    "live.home_chargers": "/",
    "live.sessions": "/sessions",
    "live.session": "/sessions/1",
    "live.session_why": "/sessions/1/why",
    "live.start": "/start/depot-7/1",
    "live.session_receipt": "/sessions/1/receipt",
    "live.charger": "/fleet/depot-7",
    "live.commands": "/fleet/depot-7/commands",
    "live.command": "/fleet/depot-7/commands/1",
    "live.comparison": "/fleet/depot-7/settings/compare?with=depot-8",
    "live.commissioning": "/fleet/depot-7/commission",
    "live.electrician": "/electrician",
    "live.messages": "/fleet/depot-7/messages",
    "live.behaviour": "/fleet/depot-7/behaviour",
    "live.account": "/account",
    "live.fleet": "/fleet",
    "live.audit": "/audit",
    "live.attention": "/attention",
    "live.attention_count": "/account",  # and each other page of an operator
    "live.walls": "/walls",
    "live.bulks": "/bulk",
    "live.bulk": "/bulk/1",
    "live.wall": "/fleet?wall=1",
    "live.sites": "/sites",
    "live.site": "/sites/1",
    "live.tariffs": "/tariffs",
    "live.people": "/people",
    "live.person": "/people/1",
    "live.cards": "/cards",
}
STREAM = re.compile(r'data-address="([^"]+)"')
PARTIAL = re.compile(r'<hx-partial hx-target="#([^"]+)"[^>]*>(.*?)</hx-partial>', re.DOTALL)
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
DRIVER, OPERATOR = Viewer(Role.DRIVER, AccountStatus.ACTIVE), Viewer(Role.OPERATOR, AccountStatus.ACTIVE)
VIEWERS = [DRIVER, OPERATOR, Viewer(Role.DRIVER, AccountStatus.STOPPED), Viewer(Role.DRIVER, AccountStatus.SUSPENDED)]


class Roots(HTMLParser):
    """Counts the roots of a fragment and collects ids and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.depth = 0
        self.roots: list[dict[str, str | None]] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.names: list[str | None] = []
        self.stray_text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if self.depth == 0:
            self.roots.append(found)
        if "id" in found:
            self.ids.append(found["id"] or "")
        self.attributes |= set(found)
        self.names.append(found.get("name"))
        self.depth += tag not in VOID

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.depth -= tag not in VOID

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1

    def handle_data(self, data: str) -> None:
        if self.depth == 0:
            self.stray_text += data.strip()


@pytest.fixture(autouse=True)
def log(settings: dict[str, str]) -> FrameLog:
    """What the charger said: a hostile thing and an ordinary one."""
    log = FrameLog(Path(settings["FRAMES_DIR"]), "depot-7")
    log.opened()
    log.said("<b>Odd</b>", {"x": "</pre></section>"}, {"status": "Rejected"})
    log.asked("Reset", {"type": "Soft"})
    return log


def session_page(number: int) -> SessionView:
    found = session_queries.session_view(number, datetime.now(UTC), timedelta(seconds=150))
    assert found is not None
    return found


def states(charging: Charging, services: Services, cast: Cast):
    """A session in one state after the other."""
    number = charging.start(cast.ada.id_tag)
    yield number
    charging.meter(number, 1500, power_w=7000, soc_percent=10)
    yield number
    for register_wh in range(2000, 20_000, 500):
        charging.meter(number, register_wh, power_w=7000, soc_percent=10)
    yield number
    charging.status("SuspendedEV")
    yield number
    services.ingest.request_stop(number, cast.ada.id, now())
    yield number
    services.ingest.end_lease("bridge-of-tests", now())
    yield number
    charging.end(number, 30_000, reason="<b>Odd</b>")
    yield number
    left_open = charging.start(cast.ada.id_tag)
    charging.start(cast.ben.id_tag)
    yield left_open


def of_session(number: int) -> Fragments:
    """The fragments of a session's page, as its driver sees them."""
    page = session_page(number)
    return session_fragments.session(page) | session_fragments.stop(page, DRIVER, "")


def of_charger(services: Services, cast: Cast, viewer: Viewer, contact: str = "") -> Fragments:
    """The fragments of a charger's page."""
    topic = ChargerTopic(cast.depot_7.id, services.tails)
    settings = RenderSettings(contact, timedelta(seconds=150))
    state = topic.read(frozenset({WHOLE}), datetime.now(UTC), settings)
    return topic.common(state) | topic.per_viewer(state, viewer, settings)


def all_fragments(number: int, viewer: Viewer) -> Fragments:
    page = session_page(number)
    rows = session_queries.session_rows(None, [number], datetime.now(UTC))
    return (
        session_fragments.session(page)
        | session_fragments.stop(page, viewer, "Olga, <+49 30>")
        | session_fragments.rows(rows, viewer)
        | account_fragments.account_status(viewer.status, "Olga")
    )


def keep_the_contract(root_id: str, html: str) -> Roots:
    """Check one fragment; return what it is made of."""
    roots = Roots(html)
    assert len(roots.roots) == 1, root_id
    assert (roots.depth, roots.stray_text) == (0, ""), root_id
    assert roots.roots[0]["id"] == root_id
    assert len(roots.ids) == len(set(roots.ids)), root_id
    assert "csrf_token" not in roots.names, root_id
    assert not {a for a in roots.attributes if a == "style" or a.startswith("on")}, root_id
    return roots


def shows_what_is_pushed(page: str, app: Flask, push: Callable[[], Fragments]) -> bool:
    """Check that the page has each fragment. What ticks has to be of the same second: it is asked for eventually."""
    with app.test_request_context():
        pushed = push()
    for root_id, html in pushed.items():
        assert html in page, root_id
    return bool(pushed)


def pushed_as_shown(client: FlaskClient, path: str) -> list[tuple[str, str]]:
    """Return the fragments that a page's stream pushes, none if the page has others: what ticks may differ."""
    page = client.get(path).text
    found: list[tuple[str, str]] = []
    for stream in STREAM.findall(page):
        address = unescape(stream)
        found += PARTIAL.findall(client.get(f"{address}{'&' if '?' in address else '?'}once").text)
    return found if all(fragment in page for _, fragment in found) else []


@pytest.mark.parametrize("query", [{}, {"text": "depot"}, {"state": "Faulted"}, {"text": "nobody"}])
def test_fleet_fragments_keep_contract(app: Flask, cast: Cast, charging: Charging, query: dict[str, str]) -> None:
    charging.start(cast.ada.id_tag)
    for connector, status in enumerate(ConnectorStatus, start=1):
        charging.status(status, connector=connector)
    page = fleet_topic.page(Query.of(query), datetime.now(UTC), timedelta(seconds=150))
    with app.test_request_context():
        found = fleet_fragments.around(page) | fleet_fragments.filters(page) | fleet_fragments.rows(page.rows)
        found |= fleet_fragments.listed(page)
    assert len(found) == 5 + len(page.rows)
    for root_id, html in found.items():
        keep_the_contract(root_id, html)


def test_every_fragment_keeps_contract(app: Flask, cast: Cast, charging: Charging) -> None:
    seen = 0
    for number in states(charging, app.extensions[NAME], cast):
        for viewer in VIEWERS:
            with app.test_request_context():
                found = all_fragments(number, viewer) | of_charger(app.extensions[NAME], cast, viewer, "<Olga>")
            for root_id, html in found.items():
                roots = keep_the_contract(root_id, html)
                if root_id.startswith("session-"):
                    assert int(roots.roots[0]["data-revision"] or "") > 0
                seen += 1
    assert seen == 8 * len(VIEWERS) * 14 + 2 * len(VIEWERS)  # two of the states are ended, and show signatures


@pytest.mark.parametrize("phase", StartPhase)
def test_start_fragments_keep_contract(app: Flask, phase: StartPhase) -> None:
    bay, running = Bay("a b", "<Yard>", 2), Running(7, "<Depot>")
    for kind in (None, *StartObstacle):
        obstacle = None if kind is None else Obstacle(kind, running, bay)
        control = StartControl(phase, obstacle, 7, 170, 5, "stopped", "Olga, <+49 30>")
        for cards in ((), (Card(1, "<1>", True),), (Card(1, "<1>", True), Card(2, "2", False))):
            page = StartPage(
                "a b", 1, "<Yard>", "<Site>", "<At>", True, "<odd>", None, cards, control, frozenset(), None, None
            )
            with app.test_request_context():
                for root_id, html in start_fragments.start(page).items():
                    keep_the_contract(root_id, html)
                    assert not re.search("<(Yard|Depot|Site|At|odd|1|[+]49)", html)


@pytest.mark.both_databases
def test_first_page_equals_push(app: Flask, client: FlaskClient, cast: Cast, charging: Charging) -> None:
    forms.sign_in(client, cast.ada)
    for number in states(charging, app.extensions[NAME], cast):
        of_this = partial(of_session, number)
        path = f"/sessions/{number}"
        eventually(lambda of_this=of_this, path=path: shows_what_is_pushed(client.get(path).text, app, of_this))


def test_first_charger_page_equals_push(app: Flask, client: FlaskClient, cast: Cast, charging: Charging) -> None:
    forms.sign_in(client, cast.olga)
    of_this = partial(of_charger, app.extensions[NAME], cast, OPERATOR)
    for _ in states(charging, app.extensions[NAME], cast):
        eventually(lambda: shows_what_is_pushed(client.get("/fleet/depot-7").text, app, of_this))


def test_every_page_has_what_its_stream_pushes(app: Flask, client: FlaskClient, cast: Cast, charging: Charging) -> None:
    topics = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("live.")}
    assert topics - {"live.several"} == PAGES.keys()
    charging.status("Charging")
    charging.start(cast.ada.id_tag)
    services = app.extensions[NAME]
    limit = Limit(LimitKind.ENERGY, 20_000)
    assert SessionLimits(services.publisher).set_limit(1, cast.ada.id, limit, now()) is None
    cast_.add_charger(services.config, "depot-8", name="Depot 8")
    BulkCommands(services.ingest, services.publisher).draft([cast.depot_7.id], ClearCache(), ACTOR, now=now())
    forms.sign_in(client, cast.olga)
    services.ingest.request_command("depot-7", ClearCache(), ACTOR, now())
    runs.begin("depot-7", actor=cast.olga.email, now=now())
    forms.fill_in(client, f"/electrician/{links.make('depot-7', 24, actor=cast.olga.email, now=now())[1]}")
    driver = app.test_client()
    forms.sign_in(driver, cast.ada)
    for path in PAGES.values():
        browser = driver if path == "/" else client
        for root_id, html in eventually(lambda path=path, browser=browser: pushed_as_shown(browser, path)):
            keep_the_contract(root_id, html)


def test_no_request_or_user_needed(app: Flask, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    with app.test_request_context("/anything/else"):
        first = all_fragments(number, DRIVER)
    client = app.test_client()
    forms.sign_in(client, cast.olga)
    with client:
        client.get("/sessions")
        second = all_fragments(number, DRIVER)
    assert first[f"session-{number}-header"] == second[f"session-{number}-header"]
    assert first[f"session-{number}-stop"] == second[f"session-{number}-stop"]


def test_operator_sees_driver(app: Flask, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    with app.test_request_context():
        for viewer in (DRIVER, OPERATOR):
            row = all_fragments(number, viewer)[f"session-{number}-row"]
            assert (cast.ada.email in row) == (viewer is OPERATOR)


def test_suspended_account_disables_button(app: Flask, client: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    forms.sign_in(client, cast.ada)
    assert "hx-post" in client.get(f"/sessions/{number}").text
    publisher = app.extensions[NAME].publisher
    administration.set_account_status(publisher, cast.ada.email, AccountStatus.SUSPENDED, actor=ACTOR, now=now())
    assert "hx-post" not in client.get(f"/sessions/{number}").text


@pytest.mark.parametrize("is_final", [False, True])
@pytest.mark.parametrize("figures", [(12_345, 7_250, 57), (0, 0, 0), (None, None, None), (1_234_565, -150, 100)])
def test_reading_row_matches_filters(
    app: Flask, is_final: bool, figures: tuple[int | None, int | None, int | None]
) -> None:
    energy_wh, power_w, soc_percent = figures
    point = Point(datetime(2026, 3, 29, 1, 2, 3, 456_789, UTC), energy_wh, power_w, soc_percent, is_final)
    with app.test_request_context():
        (row,) = str(session_forms.reading_rows([point])).split("</tr>")[:-1]
        assert str(filters.instant(point.at, "time")) in row
        soc = "–" if soc_percent is None else soc_percent
        for figure in (filters.kwh(energy_wh), filters.kw(power_w), soc):
            assert f"<td>{figure}</td>" in row
        assert row.count("<td>") == 3
        assert ("Final reading" in row) == is_final
        assert "{" not in row


def test_unchanged_fragment_carries_newest_revision(app: Flask, cast: Cast, charging: Charging) -> None:
    """The header and the stop control are rendered once, and are as new as the page each time."""
    number = charging.start(cast.ada.id_tag)
    with app.test_request_context():
        for register_wh in (1000, 2000):
            charging.meter(number, register_wh)
            page = session_page(number)
            found = session_fragments.session(page) | session_fragments.stop(page, DRIVER, "")
            assert {Roots(html).roots[0]["data-revision"] for html in found.values()} == {str(page.revision)}
