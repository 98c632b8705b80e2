"""The fleet's page: for operators, true without JavaScript, filtered and ordered by its URL, exact in its figures."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration, models
from polaris.administration import charger_security
from polaris.config import Config
from polaris.domain.enums import Role
from polaris.domain.facts import ConnectorStatusChanged
from polaris.domain.fleet_query import Query
from polaris.models import Charger, ChargingSession, MeterReading, Site
from polaris.push import sse
from polaris.services import NAME
from polaris.web.fleet import fragments as fleet_fragments
from polaris.web.fleet import queries as fleet_queries
from polaris.web.fleet import row as domain
from polaris.web.fleet import topic as fleet_topic
from polaris.web.fleet.view import PAGE_ROWS, FleetView
from tests.support import cast as cast_
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging

pytestmark = pytest.mark.both_databases

STALE = timedelta(seconds=150)


@pytest.fixture
def another(app: Flask, cast: Cast, config: Config) -> Callable[[str], Charging]:
    """Add another charger, which is connected."""

    def add(identity: str, name: str = "") -> Charging:
        added = Charging(app.extensions[NAME].ingest, cast_.add_charger(config, identity, name=name))
        added.connect()
        return added

    return add


def fault(charging: Charging, code: str, *, connector: int = 1, status: str = "Faulted", info: str = "") -> None:
    charging._store(
        ConnectorStatusChanged(
            connector=connector, status=status, error_code=code, info=info, at=datetime.now(UTC), **charging._base()
        )
    )


def shown(page: str) -> list[str]:
    """The rows of a page, in their order."""
    return re.findall(r'<tr id="connector-(\d+-\d+)"', page)


def row(page: str, charger_id: int, connector: int = 1) -> str:
    found = re.search(rf'<tr id="connector-{charger_id}-{connector}".*?</tr>', page, re.S)
    assert found, page
    return found[0]


def figures(page: str) -> dict[str, str]:
    """The strip: label → figure."""
    found = re.findall(r"<dt>\s*(?:<a[^>]*>)?([^<]+)(?:</a>)?\s*</dt>\s*<dd>(.*?)</dd>", page, re.S)
    return {label: " ".join(re.sub("<[^>]+>", " ", value).split()) for label, value in found}


def page_of(**query: str) -> FleetView:
    return fleet_topic.page(Query.of(query), now(), STALE)


def test_figures_lead_to_what_they_count(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.status("Charging")
    charging.start(cast.ada.id_tag)
    page = olga.get("/fleet?text=depot&page=3").text
    strip = page[page.index('id="fleet-strip"') : page.index('id="fleet-filter"')]
    links = {label: unescape(url) for url, label in re.findall(r'<a href="([^"]+)">([^<]+)</a>', strip)}
    assert links.keys() == figures(page).keys() - {"Energy since midnight"}
    assert links["Online"] == "/fleet?connectivity=online&text=depot"
    assert links["Power now"] == "/fleet?state=session&text=depot&order=power"
    for label, url in links.items():
        assert olga.get(url).status_code == 200
        if url.startswith("/fleet"):
            assert figures(olga.get(url).text)[label] == figures(page)[label]


def test_driver_gets_same_404(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    answers = [client.get(path) for path in ("/fleet", "/fleet?state=Faulted", "/no-such-page")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({forms.without_token(answer.text) for answer in answers}) == 1
    assert 'href="/fleet' not in client.get("/sessions").text
    in_place = [client.get(path, headers={"HX-Request": "true"}) for path in ("/fleet", "/no-such-page")]
    assert (in_place[0].status_code, in_place[0].text) == (404, in_place[1].text)


def test_driver_stream_is_404(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    answer = client.get("/live/fleet")
    assert (answer.status_code, answer.text) == (404, "")


def test_signed_out_visitor_asked_to_sign_in(client: FlaskClient, cast: Cast) -> None:
    answer = client.get("/fleet?state=Faulted")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/fleet?state%3DFaulted")
    assert client.get("/live/fleet").status_code == 401


def test_demoted_operator_is_404(app: Flask, olga: FlaskClient, cast: Cast) -> None:
    assert olga.get("/fleet").status_code == 200
    with models.database.connection_context():
        models.Account.update(role=Role.DRIVER).where(models.Account.id == cast.olga.id).execute()
    assert olga.get("/fleet").status_code == 404
    assert olga.get("/live/fleet").status_code == 404


def test_empty_fleet(app: Flask, olga: FlaskClient, cast: Cast) -> None:
    with models.database.connection_context():
        Charger.delete().execute()
    page = olga.get("/fleet").text
    assert "No chargers yet." in page
    for verb in ("add", "import"):
        assert f'href="/actions/charger/{verb}?next=/fleet"' in page
    assert figures(page)["Online"] == "0"


def test_row_shows_whole_connector(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.status("Charging")
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 3500, power_w=7200)
    found = row(olga.get("/fleet").text, cast.depot_7.id)
    for text in ("Depot 7", "depot-7", "Charging", f'"/sessions/{number}"', cast.ada.email, "7.2", "2.50", "Online"):
        assert text in found
    assert 'href="/fleet/depot-7"' in found
    assert 'data-status="none"' in found


def test_fault_on_top_with_code(
    olga: FlaskClient, cast: Cast, charging: Charging, another: Callable[..., Charging]
) -> None:
    calm, broken = another("a-1"), another("b-2")
    for each in (charging, calm):
        each.status("Available")
    fault(broken, "GroundFailure", info="RCD <3>")
    page = olga.get("/fleet").text
    assert shown(page)[0] == f"{broken.charger.id}-1"
    found = row(page, broken.charger.id)
    for text in ('data-status="fault"', "Out of order", "Faulted", "GroundFailure · RCD &lt;3&gt;"):
        assert text in found
    assert figures(page)["Faulted"] == "1"


def test_offline_at_once_and_by_lease(app: Flask, olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.status("Available")
    assert "Online" in row(olga.get("/fleet").text, cast.depot_7.id)
    app.extensions[NAME].ingest.renew_lease("bridge-of-tests", now() - timedelta(minutes=5))  # nobody renewed it since
    page = olga.get("/fleet").text
    assert "Offline" in row(page, cast.depot_7.id)
    assert 'data-status="offline"' in row(page, cast.depot_7.id)
    charger_security.block(app.extensions[NAME].publisher, "depot-7", actor=ACTOR, now=now())
    assert "Blocked" in row(olga.get("/fleet").text, cast.depot_7.id)
    assert (figures(page)["Online"], figures(page)["Offline"]) == ("0", "1")


def test_offline_power_unknown(app: Flask, olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.meter(charging.start(cast.ada.id_tag), 3500, power_w=7200)
    assert figures(olga.get("/fleet").text)["Power now"] == "7.2 kW"
    app.extensions[NAME].ingest.end_lease("bridge-of-tests", now())
    page = olga.get("/fleet").text
    assert figures(page)["Power now"] == "unavailable"
    assert "7.2" not in row(page, cast.depot_7.id)


def test_old_power_not_current(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 3500, power_w=7200)
    with models.database.connection_context():
        ChargingSession.update(last_heard_at=now() - timedelta(minutes=10)).execute()
    assert figures(olga.get("/fleet").text)["Power now"] == "unavailable"


def test_paused_car_has_zero_power(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.meter(charging.start(cast.ada.id_tag), 3500, power_w=7200)
    charging.status("SuspendedEV")
    page = olga.get("/fleet").text
    assert figures(page)["Power now"] == "0.0 kW"
    assert "Paused by the car" in row(page, cast.depot_7.id)


def test_unknown_power_beside_sum(
    olga: FlaskClient, cast: Cast, charging: Charging, another: Callable[..., Charging]
) -> None:
    charging.meter(charging.start(cast.ada.id_tag), 3500, power_w=7200)
    another("b-2").start(cast.ben.id_tag)
    assert figures(olga.get("/fleet").text)["Power now"] == "7.2 kW 1 not counted"


def test_rows_without_known_connector(
    olga: FlaskClient, cast: Cast, another: Callable[..., Charging], config: Config
) -> None:
    cast_.add_charger(config, "new-1")
    talks = another("odd-1")
    talks.start(cast.ada.id_tag, connector=3)
    page = olga.get("/fleet").text
    assert "never came" in row(page, Charger.get(Charger.identity == "new-1").id, 0)
    assert f"#{ChargingSession.get().number}" in row(page, talks.charger.id, 3)
    assert f"{talks.charger.id}-0" not in shown(page)


def test_charger_row_when_it_has_status(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.status("Available")
    charging.status("Available", connector=0)
    assert shown(olga.get("/fleet").text) == [f"{cast.depot_7.id}-1"]
    fault(charging, "InternalError", connector=0)
    page = olga.get("/fleet").text
    assert shown(page) == [f"{cast.depot_7.id}-0", f"{cast.depot_7.id}-1"]
    assert "InternalError" in row(page, cast.depot_7.id, 0)


def test_occupied_connector_shows_session(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    charging.status("Occupied")
    with models.database.connection_context():
        ChargingSession.update(connector_status="EVConnected").execute()
    found = row(olga.get("/fleet").text, cast.depot_7.id)
    assert "Car connected" in found
    assert "EVConnected" in found


def test_stuck_session_counted_and_marked(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    assert figures(olga.get("/fleet").text)["Stuck"] == "0"
    charging.status("Available")
    page = olga.get("/fleet?state=stuck").text
    assert figures(page)["Stuck"] == "1"
    assert "stuck" in row(page, cast.depot_7.id)


def test_energy_since_site_midnight(cast: Cast, charging: Charging) -> None:
    """Of a session that began yesterday only what came after midnight counts, whether it is over or not."""
    charging.status("Available")
    over = charging.start(cast.ada.id_tag, connector=1)
    charging.end(over, 5000)
    yesterdays = charging.start(cast.ada.id_tag, connector=1)
    charging.end(yesterdays, 9000)
    across = charging.start(cast.ada.id_tag, connector=1)
    charging.end(across, 4000)
    open_across = charging.start(cast.ben.id_tag, connector=2)
    charging.meter(open_across, 7000)
    with models.database.connection_context():
        began_at = fleet_queries.days(now())[1].began_at
        change(yesterdays, started_at=began_at - timedelta(hours=5), ended_at=began_at - timedelta(hours=4))
        change(over, started_at=began_at, ended_at=began_at + timedelta(seconds=1))
        change(across, started_at=began_at - timedelta(hours=1), ended_at=began_at + timedelta(seconds=1))
        change(open_across, started_at=began_at - timedelta(hours=1))
        for number, energy_wh in ((across, 1200), (open_across, 4500)):
            add_reading(number, began_at - timedelta(minutes=1), energy_wh)
            add_reading(number, began_at - timedelta(minutes=5), 10)
    assert page_of().strip.today_wh == 4000 + (3000 - 1200) + (6000 - 4500)
    assert {(found.connector, found.today.wh) for found in page_of().rows} == {(1, 5800), (2, 1500)}


def change(number: int, **values: Any) -> None:
    ChargingSession.update(**values).where(ChargingSession.number == number).execute()


def add_reading(number: int, at: datetime, energy_wh: int) -> None:
    MeterReading.create(session=number, sampled_at=at, received_at=at, context="", energy_wh=energy_wh)


@pytest.mark.parametrize(
    ("time_zone", "began_at"),
    [("Europe/Berlin", "2026-11-22T23:00"), ("Pacific/Auckland", "2026-11-22T11:00"), ("UTC", "2026-11-23T00:00")],
)
def test_day_starts_at_site_midnight(app: Flask, cast: Cast, time_zone: str, began_at: str) -> None:
    administration.set_site("Main", time_zone=time_zone, actor=ACTOR, now=now())
    with models.database.connection_context():
        day = fleet_queries.days(datetime(2026, 11, 23, 9, 30, tzinfo=UTC))[1]
    assert day.began_at == datetime.fromisoformat(f"{began_at}+00:00")
    assert day.ends_at - day.began_at == timedelta(days=1)


def test_energy_today_unavailable_when_unknown(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.end(charging.start(cast.ada.id_tag), 5000)
    page = olga.get("/fleet").text
    assert figures(page)["Energy since midnight"] == "4.00 kWh"
    assert "/sessions?from=" not in page  # those that began today: energy since midnight is of others, too
    with models.database.connection_context():
        Site.update(time_zone="Atlantis/Capital").execute()
    assert figures(olga.get("/fleet").text)["Energy since midnight"] == "unavailable"


@pytest.mark.field(107)
def test_unknown_energy_beside_sum(
    olga: FlaskClient, cast: Cast, charging: Charging, another: Callable[..., Charging]
) -> None:
    charging.end(charging.start(cast.ada.id_tag), 5000)
    over = charging.start(cast.ada.id_tag)
    charging.end(over, 9000)
    other = another("b-2")
    other.status("Available")
    open_ = other.start(cast.ben.id_tag)
    with models.database.connection_context():
        change(over, energy_wh=None)
        assert (
            figures(olga.get("/fleet").text)["Energy since midnight"]
            == "4.00 kWh and 1 session whose energy is not known"
        )
        change(open_, energy_wh=None)
    page = olga.get("/fleet").text
    assert figures(page)["Energy since midnight"] == "4.00 kWh and 2 sessions whose energy is not known"
    assert "not known yet" in row(page, other.charger.id)
    with models.database.connection_context():
        change(over, decided_wh=1500)
    assert (
        figures(olga.get("/fleet").text)["Energy since midnight"] == "5.50 kWh and 1 session whose energy is not known"
    )


@pytest.mark.field(107)
def test_all_energy_unknown(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 5000)
    with models.database.connection_context():
        change(number, energy_wh=None)
    assert (
        figures(olga.get("/fleet").text)["Energy since midnight"] == "0.00 kWh and 1 session whose energy is not known"
    )


@pytest.mark.field(107)
@pytest.mark.parametrize("figure", [{"energy_wh": None}, {"decided_wh": 500}])
def test_unknown_across_midnight(cast: Cast, charging: Charging, figure: dict[str, int | None]) -> None:
    """Neither what had come by midnight nor a figure below that takes energy off the others' sum."""
    charging.end(charging.start(cast.ada.id_tag), 5000)
    across = charging.start(cast.ada.id_tag)
    charging.end(across, 9000)
    with models.database.connection_context():
        began_at = fleet_queries.days(now())[1].began_at
        change(across, started_at=began_at - timedelta(hours=1), **figure)
        add_reading(across, began_at - timedelta(minutes=1), 1200)
    assert page_of().strip.today_wh == 4000


def test_figures_of_filtered_set(
    olga: FlaskClient, cast: Cast, charging: Charging, another: Callable[..., Charging]
) -> None:
    charging.meter(charging.start(cast.ada.id_tag), 3500, power_w=7200)
    harbour = another("harbour-1", "Harbour 1")
    harbour.status("Available")
    page = olga.get("/fleet?text=harbour").text
    assert shown(page) == [f"{harbour.charger.id}-1"]
    assert figures(page) | {"Offline": "0"} == {
        "Online": "1", "Offline": "0", "Faulted": "0", "Stuck": "0",
        "Sessions": "0", "Power now": "0.0 kW", "Energy since midnight": "0.00 kWh",
    }  # fmt: skip
    assert "1 of 2 connectors" in page
    assert 'value="harbour"' in page


def test_no_match_leads_back(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    page = olga.get("/fleet?text=nothing-like-it&state=Faulted").text
    assert "No matching chargers." in page
    assert '<a href="/fleet">Clear filters</a>' in page
    assert page.count("Clear filters") == 1
    assert '<option value="Faulted" selected>' in page


def test_pages_keep_filter(app: Flask, olga: FlaskClient, cast: Cast) -> None:
    with models.database.connection_context():
        for number in range(PAGE_ROWS + 5):
            Charger.create(identity=f"row-{number}", name=f"Row {number}", site=1, key_hash="", key_version=1)
    page = olga.get("/fleet?text=row&order=name").text
    assert len(shown(page)) == PAGE_ROWS
    assert 'href="/fleet?text=row&amp;order=name&amp;page=2"' in page
    page = olga.get("/fleet?text=row&order=name&page=2").text
    assert len(shown(page)) == 5
    assert f"of {PAGE_ROWS + 6} connectors" in page


def test_htmx_gets_filtered_parts_only(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    answer = olga.get("/fleet?text=depot", headers={"HX-Request": "true"}).text
    assert re.findall('hx-target="#([^"]+)"', answer) == [
        "fleet-strip",
        "fleet-found",
        "fleet-pages",
        "fleet-filters",
        "fleet-list",
    ]
    assert "<form" not in answer
    assert "1 of 1 connector " in answer


@pytest.mark.parametrize("query", ["", "text=depot", "state=Faulted", "text=none"])
def test_page_equals_push(app: Flask, olga: FlaskClient, cast: Cast, charging: Charging, query: str) -> None:
    fault(charging, "GroundFailure")
    charging.start(cast.ada.id_tag, connector=2)
    text = olga.get(f"/fleet?{query}").text
    with app.test_request_context():
        page = page_of(**dict(part.split("=") for part in query.split("&") if part))
        pushed = fleet_fragments.around(page) | fleet_fragments.listed(page) | fleet_fragments.rows(page.rows)
    assert len(pushed) == 4 + len(page.rows)
    for root_id, html in pushed.items():
        assert html.strip() in text, root_id


def test_full_change_within_send_limit(app: Flask, cast: Cast) -> None:
    """Once a second at most, so what is rendered of a full page is what is sent in a second."""
    rows = tuple(
        domain.row(
            charger_id=10_000 + number,
            connector=2,
            identity=f"site-{number:05}",
            name=f"Harbour Street {number:05}",
            is_online=True,
            last_contact_at=now(),
            status="SuspendedEVSE",
            session=domain.Running(1_000_000 + number, 65_432, 149_900, f"a.driver.{number}@example.com"),
        )
        for number in range(PAGE_ROWS)
    )
    with app.test_request_context():
        page = replace(page_of(), rows=rows, pages=250, page=100, total=10_000, known=10_000)
        event = sse.in_place(1, fleet_fragments.around(page) | fleet_fragments.listed(page))
    assert 20_000 < len(event) <= 30_000


def test_statement_count_constant(app: Flask, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    few = statements(page_of)
    with models.database.connection_context():
        for number in range(300):
            Charger.create(identity=f"row-{number}", name=f"Row {number}", site=1, key_hash="", key_version=1)
    assert statements(page_of) == few <= 10


def statements(work: Callable[[], object]) -> int:
    made: list[str] = []
    database = models.database.obj
    execute = database.execute_sql
    database.execute_sql = lambda sql, *args, **kwargs: (made.append(sql), execute(sql, *args, **kwargs))[1]
    try:
        work()
    finally:
        del database.execute_sql
    return len(made)


def test_retired_charger_not_listed(app: Flask, olga: FlaskClient, another: Callable[[str], Charging]) -> None:
    another("depot-9", "The old one")
    assert "The old one" in olga.get("/fleet").text
    charger_security.retire(app.extensions[NAME].publisher, "depot-9", actor=ACTOR, now=now())
    assert "The old one" not in olga.get("/fleet").text
    assert olga.get("/fleet/depot-9").status_code == 200


def test_filter_saved_and_deleted_from_the_page(olga: FlaskClient, cast: Cast) -> None:
    assert "this filter" not in olga.get("/fleet?page=2").text
    page = olga.get("/fleet?text=%3Cb%3E+%26&state=Faulted").text
    save = unescape(re.findall(r'href="(/actions/fleet/save-filter[^"]+)"', page)[0])

    answer = forms.fill_in(olga, save, name="<i>Ours</i>")

    assert answer.location == "/fleet?state=Faulted&text=%3Cb%3E+%26"
    page = olga.get(answer.location).text
    assert '<a href="/fleet?state=Faulted&amp;text=%3Cb%3E+%26" aria-current="page">&lt;i&gt;Ours&lt;/i&gt;</a>' in page
    assert "&lt;i&gt;Ours&lt;/i&gt;</a>" in olga.get("/fleet").text
    delete = unescape(re.findall(r'href="(/actions/fleet/delete-filter[^"]+)"', page)[0])
    assert forms.fill_in(olga, delete).status_code == 303
    assert "Ours" not in olga.get("/fleet").text.partition('id="fleet-filters"')[2]


def test_a_site_that_is_not_there_is_named(app: Flask, olga: FlaskClient, cast: Cast) -> None:
    """On the page at its field; by no saved filter, list or command to many chargers."""
    sentence = "There is no site Nowhere."
    page = olga.get("/fleet?site=Nowhere")
    assert page.status_code == 422
    assert f'id="site-error">{sentence}</p>' in page.text
    saved = forms.fill_in(olga, "/actions/fleet/save-filter", name="Far", query="site=Nowhere")
    bulk = olga.get("/bulk?site=Nowhere")
    run = app.test_cli_runner().invoke
    listed = run(args=["charger", "list", "--site", "Nowhere"])
    dry_run = run(args=["bulk", "dry-run", "clear-cache", "--filter", "site=Nowhere"])
    assert (saved.status_code, listed.exit_code, dry_run.exit_code, bulk.status_code) == (422, 1, 1, 422)
    for text in (saved.text, listed.output, dry_run.output, bulk.text):
        assert sentence in text
