"""The pages of sites: what they show, that they are live, the labels, and that operators alone see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from peewee import fn

from polaris import administration
from polaris.config import Config
from polaris.domain.enums import Role
from polaris.lists import sites
from polaris.models import Charger, Site, Tariff
from polaris.web.sites import queries
from polaris.web.sites.labels import start_url
from polaris.web.sites.topic import SitesTopic, SiteTopic
from tests.support import forms
from tests.support.cast import ACTOR, Cast, add_charger, now
from tests.support.charging import Charging
from tests.support.pages import Open, direct

HOSTILE = "\"><script>alert(1)</script> {{ 123457 * 7 }} ../'%"
PATHS = ("/sites", "/sites/1", "/sites/1/qr", "/live/sites", "/live/sites/1", "/live/sites?once=")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def main_of(html: str) -> str:
    return text_of(html[html.index("<main") :])


@pytest.mark.both_databases
def test_list_says_what_is_at_each_site(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    administration.set_site("Yard", currency="CHF", address="Yard 1", actor=ACTOR, now=now())
    page = main_of(olga.get("/sites").text)
    assert "Main UTC 1 charger 1 online, 1 in use €0.48 per kWh, incl. 20 % tax Set prices" in page
    assert "Yard Yard 1 UTC 0 chargers 0 online, 0 in use no prices" in page


@pytest.mark.both_databases
def test_site_has_its_chargers_and_prices(olga: FlaskClient, cast: Cast, charging: Charging, config: Config) -> None:
    charging.status("Charging")
    number = charging.start(cast.ada.id_tag)
    charging.status("Available", connector=2)
    add_charger(config, "depot-8", name="Depot 8")
    page = main_of(olga.get("/sites/1").text)
    assert f"Depot 7 depot-7 Online 1: Charging # {number} , 2: Free" in page.replace(f"#{number}", f"# {number}")
    assert "Depot 8 depot-8 Offline none reported yet" in page
    assert "in force €0.48 per kWh, incl. 20 % tax €0.40 per kWh, plus 20 % tax" in page


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_retired_chargers_are_at_their_site(app: Flask, olga: FlaskClient, cast: Cast, open_: Open) -> None:
    """One of them keeps its site from being deleted, so that it has to be found."""
    live = open_(SiteTopic(1, None), cast.olga, role=Role.OPERATOR)
    administration.set_site("Yard", actor=ACTOR, now=now())
    assert "Retired:" not in olga.get("/sites/1").text
    forms.fill_in(olga, "/actions/charger/retire?identity=depot-7")
    assert live.shows("Retired:", in_="site-1")
    page = olga.get("/sites/1").text
    assert re.search(r'href="/fleet/depot-7">Depot 7</a> \(depot-7\)', page)
    assert "No chargers in service here." in page
    run = app.test_cli_runner().invoke
    assert "depot-7" not in run(args=["charger", "list"]).output
    for more in ([], ["--site", "Main"]):
        assert "depot-7   Depot 7  Main" in run(args=["charger", "list", "--retired", *more]).output
    assert "depot-7" not in run(args=["charger", "list", "--retired", "--site", "Yard"]).output
    refused = run(args=["charger", "list", "--retired", "--state", "Faulted"])
    assert (refused.exit_code, refused.output) == (1, "Error: Of retired chargers --site alone can be asked for.\n")


def test_site_gets_more_chargers(olga: FlaskClient) -> None:
    page = olga.get("/sites/1").text
    for verb, title in (("add", "Add a charger"), ("import", "Add chargers of a CSV file")):
        assert f'href="/actions/charger/{verb}?site=Main&amp;next=/sites/1">{title}</a>' in page


def test_new_currency_without_prices_in_it_is_said(olga: FlaskClient) -> None:
    administration.set_site("Main", currency="CHF", actor=ACTOR, now=now())
    assert "The site's currency is CHF: set prices in it." in text_of(olga.get("/sites").text)


def test_pages(olga: FlaskClient, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SITE_ROWS", 1)
    monkeypatch.setattr(queries, "CHARGER_ROWS", 1)
    administration.set_site("Yard", actor=ACTOR, now=now())
    add_charger(config, "depot-8", name="Depot 8")
    for path, names in (("/sites", ["Main", "Yard"]), ("/sites/1", ["Depot 7", "Depot 8"])):
        seen, next_path = [], path
        while next_path:
            page = olga.get(next_path).text
            seen += [name for name in names if f">{name}</a>" in page]
            link = re.search(r'href="([^"]+)"\s+rel="next"', page)
            next_path = unescape(link[1]) if link else ""
        assert seen == names


def test_deleting_leads_back_to_the_list(olga: FlaskClient) -> None:
    administration.set_site("Yard", actor=ACTOR, now=now())
    link = re.search(r'href="(/actions/site/delete\?name=Yard[^"]*)"', olga.get("/sites/2").text)
    assert link
    answer = forms.fill_in(olga, unescape(link[1]))
    assert (answer.status_code, answer.location) == (303, "/sites")
    assert "Site Yard was deleted." in olga.get("/sites").text
    assert olga.get("/sites/2").status_code == 404


# Labels.


@pytest.mark.parametrize(
    ("identity", "url"),
    [
        ("depot-7", "https://x.example/start/depot-7/1"),
        ("a/b?c#d e", "https://x.example/start/a%2Fb%3Fc%23d%20e/1"),
        ("Säule 1", "https://x.example/start/S%C3%A4ule%201/1"),
    ],
)
def test_start_url(identity: str, url: str) -> None:
    assert start_url("https://x.example", identity, 1) == url


def test_sheet_without_address_says_how_to_set_it(olga: FlaskClient, charging: Charging) -> None:
    charging.status("Available")
    page = olga.get("/sites/1/qr").text
    assert "SITE_URL=https://charge.example.com" in page
    assert 'class="qr-code"' not in page


def test_sheet_has_a_label_for_each_connector(
    make_app: Callable[..., Flask], config: Config, charging: Charging, cast: Cast
) -> None:
    for connector in (0, 1, 2):
        charging.status("Available", connector=connector)
    add_charger(config, "depot-8", name="Depot 8")
    olga = make_app(SITE_URL="http://localhost:8000").test_client()
    forms.sign_in(olga, cast.olga)
    answer = olga.get("/sites/1/qr")
    page = answer.text
    assert page.count('class="qr-code"') == 2
    assert re.findall(r">(http://localhost:8000/[^<]+)<", page) == [
        "http://localhost:8000/start/depot-7/1",
        "http://localhost:8000/start/depot-7/2",
    ]
    assert "have reported no connectors yet: Depot 8." in page
    drawn = page[page.index('class="labels"') : page.index("</ul>", page.index('class="labels"'))]
    assert not re.search(r"style=|<script|<style", drawn)


# Live, hostile names, refusals.


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_pages_follow(cast: Cast, charging: Charging, open_: Open) -> None:
    listed = open_(SitesTopic(""), cast.olga, role=Role.OPERATOR)
    site = open_(SiteTopic(1, None), cast.olga, role=Role.OPERATOR)
    assert listed.shows("1 online, 0 in use", in_="sites-list")
    charging.status("Charging", connector=3)
    assert site.shows("3: Charging", in_="site-1")
    number = charging.start(cast.ada.id_tag, connector=3)
    assert listed.shows("1 online, 1 in use", in_="sites-list")
    assert site.shows(f"#{number}", in_="site-1")


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_page_of_a_deleted_site_stays_open(app: Flask, cast: Cast, open_: Open) -> None:
    administration.set_site("Yard", actor=ACTOR, now=now())
    page = open_(SiteTopic(2, None), cast.olga, role=Role.OPERATOR)
    assert page.shows("Yard", in_="site-2")
    administration.delete_site("Yard", actor=ACTOR, now=now())
    assert sites.site(2, now()) is None
    assert not page.is_over


def test_hostile_names_are_escaped(olga: FlaskClient) -> None:
    administration.rename_site("Main", HOSTILE, actor=ACTOR, now=now())
    Charger.update(name=HOSTILE).execute()
    for path in ("/sites", "/sites/1", "/sites/1/qr", "/tariffs"):
        page = olga.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "{{ 123457 * 7 }}" in text_of(page.text)
        assert "864199" not in page.text
    for link in re.findall(r'href="(/(?:actions/site|tariffs)[^"]*)"', olga.get("/sites").text):
        assert olga.get(unescape(link), follow_redirects=True).status_code == 200


def test_pages_of_a_site_whose_time_zone_is_known_no_more(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    night = "daily 00:00-06:00 0.20 per kWh"
    administration.set_tariff("Main", per_kwh=Decimal(1), windows=[night], actor=ACTOR, now=now())
    Tariff.update(schedule=fn.REPLACE(Tariff.schedule, "UTC", "Atlantis/Capital")).where(
        Tariff.schedule != ""
    ).execute()
    Site.update(time_zone="Atlantis/Capital").execute()
    over = charging.start(cast.ada.id_tag)
    charging.end(over, 11_000)
    running = charging.start(cast.ada.id_tag)
    charging.meter(running, 12_000)
    paths = [
        "/sites",
        "/sites/1",
        "/tariffs",
        "/tariffs/new",
        "/tariffs/preview?site=Main&per_kwh=1&windows=none",
        "/fleet",
    ]
    paths += ["/attention", "/sessions", "/sessions.csv", "/sessions?from=2026-01-01", f"/sessions/{over}"]
    paths += [f"/sessions/{over}/why", f"/sessions/{running}", "/fleet/depot-7", "/fleet/depot-7/behaviour"]
    paths += ["/fleet/depot-7/commands/get-log", "/actions/site/set?name=Main"]
    assert {path: olga.get(path, buffered=True).status_code for path in paths} == dict.fromkeys(paths, 200)
    refused = olga.get("/tariffs/preview", query_string={"site": "Main", "per_kwh": "1", "windows": night})
    assert (refused.status_code, "Atlantis/Capital is not known here any more" in refused.text) == (422, True)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "path", ["/sites/0", "/sites/2", "/sites/99999999999", "/sites/2/qr", "/live/sites/2147483648"]
)
def test_there_is_no_such_site(olga: FlaskClient, path: str) -> None:
    assert olga.get(path).status_code == 404


@pytest.mark.both_databases
@pytest.mark.parametrize("after", ["\0", "x" * 1000, "'; DROP TABLE site", "99999999999", "-1"])
def test_hostile_place_in_a_list(olga: FlaskClient, after: str) -> None:
    for path in ("/sites", "/sites/1", "/sites/1/qr"):
        assert olga.get(path, query_string={"after": after}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_driver_gets_404(client: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(client, cast.ada)
    assert client.get(path).status_code == 404
    assert 'href="/sites"' not in client.get("/sessions").text


@pytest.mark.parametrize("path", PATHS)
def test_visitor_is_asked_to_sign_in(client: FlaskClient, cast: Cast, path: str) -> None:
    assert client.get(path).status_code == (401 if "live" in path else 302)
