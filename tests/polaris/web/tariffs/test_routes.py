"""The pages of tariffs: the versions, and new prices, which are previewed before they are saved."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import administration
from polaris.domain.enums import Role
from polaris.ingest import Ingest
from polaris.models import AuditEntry, Tariff
from polaris.web.tariffs import queries
from polaris.web.tariffs.queries import Wanted
from polaris.web.tariffs.topic import TariffsTopic
from tests.polaris.domain.test_filters import HOSTILE
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.explainable import Telling
from tests.support.pages import Open, direct

PATHS = ("/tariffs", "/tariffs/new", "/tariffs/preview", "/live/tariffs", "/live/tariffs?once=")
NEW = "/tariffs/new?site=Main"
HOUR = timedelta(hours=1)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html[html.index("<main") :])))


def previewed(client: FlaskClient, path: str = NEW, **typed: str) -> TestResponse:
    """Fill in the form, and press Preview."""
    page = client.get(path)
    return client.get("/tariffs/preview", query_string=forms.fields(page.text) | typed)


def save(client: FlaskClient, preview: TestResponse, **typed: str) -> TestResponse:
    """Press Save on a preview."""
    return client.post("/tariffs", data=forms.fields(preview.text) | typed, buffered=True)


def led_back(client: FlaskClient, answer: TestResponse) -> TestResponse:
    """Follow the answer to prices that were not saved, to their preview."""
    assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/tariffs/preview")
    return client.get(answer.location)


def versions() -> list[tuple[str, str]]:
    return [(str(row.per_kwh), str(row.per_session)) for row in Tariff.select().order_by(Tariff.id)]


def set_prices(price: str, site: str = "Main", **more: Any) -> None:
    administration.set_tariff(site, per_kwh=Decimal(price), actor=ACTOR, now=now(), **more)


@pytest.mark.both_databases
def test_versions_with_their_dates(olga: FlaskClient) -> None:
    administration.set_site("Yard", currency="CHF", actor=ACTOR, now=now())
    set_prices("0.50", per_session=Decimal("0.35"), tax_percent=Decimal(19))
    set_prices("0.60", "Yard")
    page = text_of(olga.get("/tariffs").text)
    assert "3 versions" in page
    assert "in force €0.595 per kWh + €0.4165 per session, incl. 19 % tax €0.50 per kWh + €0.35 per session" in page
    assert page.count("in force") == 2
    of_yard = text_of(olga.get("/tariffs?site=Yard").text)
    assert "1 version " in of_yard
    assert "CHF0.60 per kWh" in of_yard
    for path in ("/tariffs?site=Nowhere", "/sessions?site=Nowhere"):
        unknown = olga.get(path)
        assert (unknown.status_code, "There is no site Nowhere." in unknown.text) == (422, True)


def test_pages(olga: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE_ROWS", 1)
    set_prices("0.50")
    page = olga.get("/tariffs").text
    assert "€0.50" in page
    older = re.search(r'href="([^"]+)"\s+rel="next"', page)
    assert older
    page = olga.get(unescape(older[1])).text
    assert ("€0.48" in page, "Newest" in page, "€0.50" in page) == (True, True, False)


# New prices.


@pytest.mark.both_databases
def test_preview_saves_nothing_and_save_saves_what_was_previewed(
    olga: FlaskClient, cast: Cast, charging: Charging
) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 11_000)
    audited = AuditEntry.select().count()

    preview = previewed(olga, per_kwh="0.50")

    assert preview.status_code == 200
    assert f"#{number} Depot 7" in text_of(preview.text)
    assert "10.00 kWh 0 s €4.80 €6.00 +€1.20 Sum of 1 session with both costs €4.80 €6.00 +€1.20" in text_of(
        preview.text
    )
    assert (versions(), AuditEntry.select().count()) == ([("0.40", "0")], audited)

    answer = save(olga, preview)

    assert (answer.status_code, answer.location) == (303, "/tariffs")
    assert versions() == [("0.40", "0"), ("0.50", "0")]
    assert AuditEntry.select().order_by(AuditEntry.id.desc()).first().action == "tariff.set"
    assert "From now on at Main: €0.60 per kWh, incl. 20 % tax. Before: €0.48 per kWh" in olga.get("/tariffs").text
    assert f"/sessions/{number}" in preview.text
    again = save(olga, preview)
    assert (again.status_code, versions()) == (303, [("0.40", "0"), ("0.50", "0")])
    shown = text_of(olga.get(preview.request.full_path).text)
    assert ("In force already" in shown, "Save these prices" in shown) == (True, False)


def test_prices_are_changed_before_they_are_saved(olga: FlaskClient) -> None:
    set_prices("0.40", windows=["daily 00:00-06:00 0.20 per kWh"])
    preview = previewed(olga, per_kwh="0.50", windows="none")
    form = olga.get(unescape(re.findall(r'href="([^"]+)">Change them', preview.text)[0]))
    assert {"per_kwh": "0.50", "windows": "none"}.items() <= forms.fields(form.text).items()


def test_what_is_wrong_is_never_saved(olga: FlaskClient) -> None:
    answer = save(olga, previewed(olga, per_kwh="0.50"), per_kwh="much")
    assert led_back(olga, answer).status_code == 422
    assert versions() == [("0.40", "0")]


NIGHT_AND_DAY = "daily 00:00-06:00 0.20 per kWh\r\nMon-Fri 17:00-20:00 0.60 per kWh, 0.02 per minute"


@pytest.mark.both_databases
def test_windows_are_previewed_and_saved(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 11_000)
    typed = {"windows": NIGHT_AND_DAY, "idle_per_minute": "0.10", "idle_grace_min": "15"}
    preview = previewed(olga, per_kwh="0.50", **typed)
    assert (
        "daily 00:00–06:00: €0.24 per kWh; Mon–Fri 17:00–20:00: €0.72 per kWh + €0.024 per minute; "
        "at all other times: €0.60 per kWh; from 15 min after charging on €0.12 per minute more, incl. 20 % tax"
    ) in text_of(preview.text)
    assert "times of day in UTC." in preview.text
    assert save(olga, preview).status_code == 303
    saved = Tariff.select().order_by(Tariff.id.desc()).first()
    assert (saved.idle_per_minute, saved.idle_grace_s) == (Decimal("0.10"), 900)
    assert (
        "Prices at some times: none to daily 00:00-06:00 0.20 per kWh; Mon-Fri 17:00-20:00 0.60 per kWh, 0.02 per"
        in (AuditEntry.select().order_by(AuditEntry.id.desc()).first().detail)
    )
    form = olga.get(NEW).text
    assert NIGHT_AND_DAY.replace("\r\n", "\n") in form
    assert save(olga, preview).status_code == 303
    assert len(versions()) == 2


def test_session_is_previewed_by_its_readings(
    olga: FlaskClient, cast: Cast, ingest: Ingest, charging: Charging
) -> None:
    """Its first hour had a kWh and its second two; the first is to cost half as much."""
    telling = Telling(
        ingest, cast.depot_7.id, cast.ada.id_tag, now().replace(minute=0, second=0, microsecond=0) - 5 * HOUR
    )
    number = telling.start(1000)
    telling.meter(3600, 2000)
    telling.end(7200, 4000)
    hour = telling.started_at.hour
    windows = f"daily {hour:02}:00-{hour + 1:02}:00 1 per kWh"
    shown = text_of(previewed(olga, per_kwh="2", tax="0", windows=windows).text)
    assert re.search(rf"#{number} .*? 3.00 kWh .*? €1.44 €5.00 \+€3.56", shown)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"windows": "Mon 07:00-09:00 1 per kWh\nMon 08:00-10:00 1 per kWh"}, "In two windows: Mon 08:00–09:00."),
        ({"windows": "Mon 07:00-09:00 1 per kWh\nsometimes"}, "Line 2, sometimes: write it like Mon-Fri"),
        ({"windows": "Mon 07:00-09:00 100001 per kWh"}, "Price of a kWh: 100001 is not a number from 0"),
        ({"windows": "<script>alert(1)</script>"}, "Line 1, &lt;script&gt;"),
        ({"windows": "x" * 101}, "Line 1, xxxxx"),
        ({"windows": "Mon 07:00-09:00 0,39 per kWh"}, "write decimals with a point, such as 0.39."),
        ({"windows": "Mon 07:00-09:00 -0.3 per kWh"}, "a price is not negative."),
        ({"windows": "Mon 07:00-09:00 0.123456789 per kWh"}, "a price has at most six digits before its point"),
        ({"idle_per_minute": "-1"}, "Price of a minute after charging: -1 is not a number"),
        ({"idle_grace_min": "1441"}, "Type a whole number from 0 to 1440."),
    ],
)
def test_bad_windows(olga: FlaskClient, typed: dict[str, str], sentence: str) -> None:
    answer = previewed(olga, per_kwh="0.50", **typed)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'id="field-{next(iter(typed))}-error"' in answer.text
    assert len(versions()) == 1


def test_another_zone_meanwhile(olga: FlaskClient) -> None:
    preview = previewed(olga, per_kwh="0.50", windows=NIGHT_AND_DAY)
    administration.set_site("Main", time_zone="Europe/Berlin", actor=ACTOR, now=now())
    assert "Time zone of these times: UTC → Europe/Berlin." in led_back(olga, save(olga, preview)).text
    assert len(versions()) == 1


@pytest.mark.both_databases
def test_two_operators_at_once(olga: FlaskClient) -> None:
    preview = previewed(olga, per_kwh="0.50")
    set_prices("0.45")
    shown = led_back(olga, save(olga, preview))
    assert "Changed: Price of a kWh: 0.40 EUR → 0.45 EUR; Tax: 20 % → none." in shown.text
    assert "Price of a kWh: 0.45 EUR → 0.50 EUR" in shown.text
    assert "Tax: none" not in shown.text  # what was left as it was follows
    assert "Now at Main, in EUR: €0.45 per kWh." in shown.text
    assert len(versions()) == 2
    assert save(olga, shown).location == "/tariffs"
    assert versions()[-1] == ("0.50", "0")


def test_prices_that_went_there_and_back_are_another_version(olga: FlaskClient) -> None:
    preview = previewed(olga, per_kwh="0.50")
    set_prices("0.45")
    set_prices("0.40", tax_percent=Decimal(20))
    assert "It was changed meanwhile" in led_back(olga, save(olga, preview)).text


def test_another_currency_meanwhile(olga: FlaskClient) -> None:
    preview = previewed(olga, per_kwh="0.50")
    administration.set_site("Main", currency="CHF", actor=ACTOR, now=now())
    assert "CHF0.60 per kWh" in led_back(olga, save(olga, preview)).text


def test_session_in_another_currency_is_not_compared(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.end(charging.start(cast.ada.id_tag), 11_000)
    administration.set_site("Main", currency="CHF", actor=ACTOR, now=now())
    page = text_of(previewed(olga, per_kwh="0.50", tax="20").text)
    assert "€4.80 CHF6.00 – Sum of 0 sessions" in page
    assert "A session is compared if it had prices in the same currency" in page


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"per_kwh": "0,39"}, "field-per_kwh-error"),
        ({"per_kwh": "NaN"}, "Type a number with a point before its decimals"),
        ({"per_minute": "0.1234567"}, "Price of a minute: 0.1234567 is not a number from 0"),
        ({"per_session": "-1"}, "Price of a session: -1 is not a number from 0"),
        ({"tax": "101"}, "Tax: 101 is not a number from 0 to 100"),
        ({"site": "Nowhere"}, "There is no site Nowhere."),
        ({"site": "\0"}, "There is no site"),
        ({"per_kwh": "1e400"}, "Type a number in digits alone"),
    ],
)
def test_what_is_wrong_is_said(olga: FlaskClient, typed: dict[str, str], words: str) -> None:
    answer = previewed(olga, **{"per_kwh": "0.5"} | typed)
    assert answer.status_code == 422
    assert words in answer.text
    assert "Save these prices" not in answer.text


def test_form_begins_with_the_present_prices(olga: FlaskClient) -> None:
    page = olga.get("/tariffs/new").text  # there is one site
    assert 'value="0.40"' in page
    assert "Now at Main, in EUR: €0.48 per kWh, incl. 20 % tax." in page
    assert "Save these prices" not in page
    administration.set_site("Yard", currency="CHF", actor=ACTOR, now=now())
    page = olga.get("/tariffs/new").text
    assert 'href="/tariffs/new?site=Yard&amp;next=/tariffs"' in page
    assert 'value="0.40"' not in page
    assert "Now at Yard, in CHF: no prices." in olga.get("/tariffs/new?site=Yard").text


def test_form_of_the_verb_leads_to_the_preview(olga: FlaskClient) -> None:
    answer = olga.get("/actions/tariff/set?site=Main&next=/fleet&_external=1&_scheme=x")
    assert answer.status_code == 302
    assert answer.location == "/tariffs/new?site=Main&next=%2Ffleet&_external=1&_scheme=x"
    assert save(olga, previewed(olga, answer.location, per_kwh="0.5")).location == "/fleet"


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "javascript:alert(1)"])
def test_saving_stays_here(olga: FlaskClient, target: str) -> None:
    preview = previewed(olga, f"/tariffs/new?site=Main&next={target}", per_kwh="0.5")
    assert save(olga, preview).location == "/tariffs"


# Live, hostile input, refusals.


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_page_follows(app: Flask, olga: FlaskClient, cast: Cast, open_: Open) -> None:
    page = open_(TariffsTopic(Wanted()), cast.olga, role=Role.OPERATOR)
    assert page.shows("1 version", in_="tariffs-list")
    save(olga, previewed(olga, per_kwh="0.70"))
    assert page.shows("€0.84 per kWh", in_="tariffs-list")


@pytest.mark.both_databases
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_filter(olga: FlaskClient, value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    for name in ("site", "before", "next", "per_kwh"):
        for path in ("/tariffs", "/tariffs/new", "/tariffs/preview"):
            answer = olga.get(path, query_string={name: value})
            assert answer.status_code in (200, 422)
            assert "<script>alert" not in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_driver_gets_404(client: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(client, cast.ada)
    assert client.get(path).status_code == 404


def test_driver_cannot_set_prices(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    answer = forms.post(client, "/tariffs", page="/account", site="Main", per_kwh="0")
    assert answer.status_code == 404
    assert versions() == [("0.40", "0")]


def test_prices_need_the_forms_token(olga: FlaskClient) -> None:
    assert olga.post("/tariffs", data={"site": "Main", "per_kwh": "0"}).status_code == 400
    assert versions() == [("0.40", "0")]


@pytest.mark.parametrize("path", PATHS)
def test_visitor_is_asked_to_sign_in(client: FlaskClient, cast: Cast, path: str) -> None:
    assert client.get(path).status_code == (401 if "live" in path else 302)


@pytest.mark.parametrize("before", ["", "0.40"])
def test_prices_of_another_currency_are_not_taken_for_done(olga: FlaskClient, before: str) -> None:
    """Neither a site's first prices nor the same number in another currency are what was asked for."""
    if before:
        set_prices(before)
    preview = previewed(olga, per_kwh="0.50")
    administration.set_site("Main", currency="CHF", actor=ACTOR, now=now())
    if before:
        set_prices("0.50")
    kept = versions()

    assert "Currency: EUR → CHF" in led_back(olga, save(olga, preview)).text
    assert versions() == kept


# What is left out stays.


def test_what_is_left_out_stays(olga: FlaskClient) -> None:
    set_prices("0.39", per_session=Decimal("0.35"), tax_percent=Decimal(19), windows=["daily 00:00-06:00 0.20 per kWh"])
    preview = previewed(olga, per_kwh="0.49", per_session="", tax=" ", windows="")
    changes = re.findall(r"<li>([^<]*→[^<]*)</li>", preview.text)
    assert changes == ["Price of a kWh: 0.39 EUR → 0.49 EUR"]
    assert save(olga, preview).status_code == 303
    saved = Tariff.select().order_by(Tariff.id.desc()).first()
    assert (saved.per_session, saved.tax_percent, saved.prices().schedule is None) == (
        Decimal("0.35"), Decimal(19), False,
    )  # fmt: skip


def test_zero_and_none_take_away(olga: FlaskClient) -> None:
    set_prices("0.39", per_session=Decimal("0.35"), tax_percent=Decimal(19), windows=["daily 00:00-06:00 0.20 per kWh"])
    preview = previewed(olga, per_session="0", tax="0", windows="None")
    assert re.findall(r"<li>([^<]*→[^<]*)</li>", preview.text) == [
        "Price of a session: 0.35 EUR → none",
        "Prices at some times: daily 00:00-06:00 0.20 per kWh → none",
        "Tax: 19 % → none",
        "Time zone of these times: UTC → none",
    ]
    save(olga, preview)
    assert Tariff.select().order_by(Tariff.id.desc()).first().prices().schedule is None


def test_all_that_is_wrong_is_named_at_once(olga: FlaskClient) -> None:
    typed = {
        "per_kwh": "0,49",
        "per_minute": "-1",
        "windows": "foo\nFri 22:00-02:00 1 per kWh",
        "idle_grace_min": "1.5",
        "tax": "119",
    }
    page = previewed(olga, **typed).text
    assert set(re.findall(r'id="field-(\w+)-error"', page)) == set(typed)
    assert "Line 1, foo:" in page
    assert "Line 2: 22:00-02:00 ends before it begins." in page


def test_grace_without_a_price_is_said(olga: FlaskClient) -> None:
    page = previewed(olga, idle_grace_min="15").text
    assert "Grace: a minute after charging costs nothing" in page
    assert 'id="field-idle_grace_min-error"' in page


def test_filtered_site_is_carried_to_the_form(olga: FlaskClient) -> None:
    administration.set_site("Yard", actor=ACTOR, now=now())
    assert 'href="/tariffs/new?site=Yard"' in olga.get("/tariffs?site=Yard").text
