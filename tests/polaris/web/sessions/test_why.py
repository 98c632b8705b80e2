"""The page that says where a session's figures come from: what it says for each kind, and that it adds up."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration
from polaris.ingest import Ingest
from polaris.models import ChargingSession
from polaris.services import NAME
from polaris.web.sessions.why import MAX_ROWS
from tests.support import explained, forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.explainable import Telling
from tests.support.ocmf_vectors import KEBA
from tests.support.true_sessions import told_session

RANDOM = 50


def text_of(html: str) -> str:
    main = html[html.index("<main") :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)).replace("&#39;", "'").strip()


@pytest.fixture
def ada(client: FlaskClient, cast: Cast) -> FlaskClient:
    forms.sign_in(client, cast.ada)
    return client


@pytest.fixture
def telling(ingest: Ingest, cast: Cast, charging: Charging) -> Telling:
    return Telling(ingest, cast.depot_7.id, cast.ada.id_tag)


@pytest.fixture
def page(ada: FlaskClient) -> Callable[[int], str]:
    """The page of a session, which adds up."""

    def get(number: int) -> str:
        answer = ada.get(f"/sessions/{number}/why")
        assert answer.status_code == 200
        html = answer.text
        assert (
            explained.recomputed_wh(html) == explained.shown_wh(html) == ChargingSession.get_by_id(number).effective_wh
        )
        assert explained.recomputed_cost(html) == explained.shown_cost(html)
        return html

    return get


@pytest.mark.both_databases
def test_register(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    telling.meter(600, 3000)
    telling.end(1200, 5312)
    shown = text_of(page(number))
    assert re.search(r"Meter at the start .*? 1,000 Wh Meter at the end .*? 5,312 Wh Difference 4,312 Wh", shown)
    assert "Total kWh shown as 4.31 kWh 4.312 kWh" in shown
    assert "By version 1 of the prices here" in shown
    assert "Energy 4.312 kWh × €0.40 per kWh €1.7248" in shown
    assert "Tax 20 % tax on €1.7248 €0.34496" in shown
    assert "Rounding rounded, half up €0.00024" in shown
    assert "Estimated cost €2.07" in shown
    assert "Duration shown as 20 min 1,200 s" in shown
    assert "4,312 Wh × 3600 s/h ÷ 1,200 s shown as 12.9 kW 12,936 W" in shown


def test_final(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    telling.end(600, 3000)
    assert "Final since" not in page(number)
    at = datetime(2026, 1, 15, 12, tzinfo=UTC)
    ChargingSession.update(final_at=at).where(ChargingSession.number == number).execute()
    assert "Final since 15 Jan 2026, 12:00 UTC : nothing that" in text_of(page(number))


def test_fraction_of_a_second(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    telling.end(59.875, 1100)
    shown = text_of(page(number))
    assert "Duration shown as 59 s whole seconds: fractions of the times are not shown 59 s" in shown


def test_from_zero(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(500_000)
    for minute in range(1, 6):
        telling.meter(60 * minute, 100 * minute)
    telling.end(330, None)
    html = page(number)
    assert 'data-basis="from_zero"' in html
    assert 'data-note="counted_from_zero"' in html
    assert re.search(r"The meter counted from 0 .*? 0 Wh Meter reading .*? 500 Wh", text_of(html))
    aside = text_of(html)[text_of(html).index("Readings that are not counted") :]
    assert re.search(r"Meter at the start .*? from another register than the others 500,000 Wh", aside)


def test_one_figure(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    telling.end(600, None)
    shown = text_of(page(number))
    assert "The charger sent one figure of its meter alone" in shown
    assert "contradict" not in shown


def test_unjudged(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(500_000)
    telling.meter(60, 20)
    shown = text_of(page(number))
    assert "The meter's readings cannot be judged yet." in shown
    assert "Total kWh not known" in shown


def test_long_session(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    telling.meters(range(1, 10_001), 1000)
    telling.end(10_001, 11_001)
    html = page(number)
    assert "Total kWh shown as 10.00 kWh 10.001 kWh" in text_of(html)
    assert len(html) < 20_000


def test_reset(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(500_000)
    for minute in range(1, 6):
        telling.meter(60 * minute, 500_000 + 100 * minute)
    for minute in range(6, 11):
        telling.meter(60 * minute, 100 * (minute - 6))
    telling.end(660, 450)
    html = page(number)
    assert 'data-basis="pieces"' in html
    assert html.count('data-step="register"') == 2
    assert 'data-note="register_reset"' in html
    assert "Difference 500 Wh" in text_of(html)
    assert "Difference 450 Wh" in text_of(html)


def test_set_aside(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    telling.meter(600, 2000)
    telling.meter(1200, 99_999_999)
    telling.meter(1800, 3000)
    telling.end(2400, 4000)
    html = page(number)
    aside = text_of(html)[text_of(html).index("Readings that are not counted") :]
    assert "99,999,999 Wh" in aside
    assert "more than this connector can deliver" in aside
    assert html.index('id="aside"') < html.index('data-note="readings_set_aside"')


@pytest.mark.parametrize("bad", [1, MAX_ROWS + 3])
def test_set_aside_bounded(telling: Telling, page: Callable[[int], str], bad: int) -> None:
    number = telling.start(1000)
    telling.meter(0, 1000)
    for index in range(bad):
        telling.meter(1 + index, 99_999_999 + 10_000_000 * index)
    for minute in range(20, 30):
        telling.meter(60 * minute, 1000 + 100 * minute)
    telling.end(1800, 4000)
    html = page(number)
    assert html.count("data-aside-wh") == min(bad, MAX_ROWS)
    assert ("3 earlier ones are not shown." in html) == (bad > MAX_ROWS)
    shown = [int(wh) for wh in re.findall(r'data-aside-wh="(\d+)"', html)]
    assert shown == sorted(shown)  # oldest first, and the newest of them
    assert shown[-1] == 99_999_999 + 10_000_000 * (bad - 1)


@pytest.mark.parametrize("count", [3, MAX_ROWS + 10])
def test_intervals(telling: Telling, page: Callable[[int], str], count: int) -> None:
    number = telling.start(None)
    for minute in range(1, count + 1):
        telling.meter(60 * minute, None, interval_wh=100 + minute)
    telling.end(60 * count + 30, None)
    html = page(number)
    assert 'data-basis="intervals"' in html
    assert html.count("data-interval-wh") == min(count, MAX_ROWS + 1)
    assert ("10 earlier ones" in html) == (count > MAX_ROWS)
    assert [int(wh) for wh in re.findall(r'data-interval-wh="(\d+)"', html)][-3:] == [
        98 + count,
        99 + count,
        100 + count,
    ]


def test_not_known(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(500_000)
    telling.end(600, 20)
    html = page(number)
    shown = text_of(html)
    assert "499,980 Wh less than before: a meter does not count down" in shown
    assert "Total kWh not known" in shown
    assert "Without a known energy there is no cost." in shown
    assert "Average power" not in shown


def test_nothing(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(None)
    assert "No figure of the meter counts for this session, so its energy is 0." in page(number)
    telling.end(60, None)
    shown = text_of(page(number))
    assert "The charger sent no figure of its meter. Total kWh not known" in shown
    assert "The charger sent no final meter figure. " in shown


def test_decided(app: Flask, telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    telling.end(600, 3000)
    ingest: Ingest = app.extensions[NAME].ingest
    ingest.set_energy(number, Decimal("11.1"), "main <meter>", actor=ACTOR, now=now())
    html = page(number)
    shown = text_of(html)
    assert "By the charger 2,000 Wh" in shown
    assert "main &lt;meter&gt; 11,100 Wh" in shown
    assert "2,000 Wh → 11,100 Wh" in shown
    assert "<meter>" not in html


def test_estimate_replaced(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    telling.meter(600, 2000)
    telling.start(9000)
    assert "The charger sent no final meter figure" not in text_of(page(number))
    telling.end(1200, 4000, number)
    html = page(number)
    assert 'data-estimated-wh="1000"' in html
    assert "1,000 Wh → 3,000 Wh (the charger's own final figure came)" in text_of(html)


def test_running(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    telling.meter(600, 2000)
    shown = text_of(page(number))
    assert "The session goes on: as of" in shown
    assert "Total kWh shown as 1.00 kWh 1.000 kWh" in shown


def test_pushed(ada: FlaskClient, telling: Telling) -> None:
    number = telling.start(1000)
    telling.meter(600, 2000)
    stream = f"/live/sessions/{number}/why?once"
    assert f'data-address="/live/sessions/{number}/why"' in ada.get(f"/sessions/{number}/why").text
    assert 'data-total-wh="1000"' in ada.get(stream).text
    telling.end(1200, 4000)
    pushed = ada.get(stream).text
    assert 'data-total-wh="3000"' in pushed
    assert "The session goes on" not in pushed


def test_prices_of_its_start(telling: Telling, page: Callable[[int], str]) -> None:
    administration.set_tariff(
        "Main",
        per_kwh=Decimal("0.3"),
        per_minute=Decimal("0.01"),
        per_session=Decimal("0.35"),
        tax_percent=Decimal(19),
        actor=ACTOR,
        now=now() - timedelta(hours=20),
    )
    number = telling.start(1000)
    telling.end(100, 1001)
    administration.set_tariff("Main", per_kwh=Decimal(9), tax_percent=Decimal(0), actor=ACTOR, now=now())
    shown = text_of(page(number))
    assert "By version 2 of the prices here" in shown
    assert "Time 100 s × €0.01 per minute ≈ €0.016667" in shown
    assert "Session fee per session €0.35" in shown


def test_without_prices(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    ChargingSession.update(tariff=None).execute()
    assert "No price was set for this site when the session began." in text_of(page(number))


def test_refused_card(ingest: Ingest, cast: Cast, charging: Charging, client: FlaskClient) -> None:
    number = Telling(ingest, cast.depot_7.id, "NOBODY").start(1000)
    forms.sign_in(client, cast.olga)
    assert "Nothing is being charged, and it costs nothing." in client.get(f"/sessions/{number}/why").text


def test_signed_values(telling: Telling, page: Callable[[int], str]) -> None:
    number = telling.start(1000)
    telling.meter(600, 2000, signed_data=KEBA.signed)
    telling.end(1200, 3000)
    assert "What the meter signed" in page(number)


def test_kept_figure(ada: FlaskClient, telling: Telling) -> None:
    number = telling.start(1000)
    telling.end(1200, 3000)
    ChargingSession.update(energy_wh=1234).execute()
    shown = text_of(ada.get(f"/sessions/{number}/why").text)
    assert "The readings that are stored now 2,000 Wh Worked out before, and kept 1,234 Wh" in shown


@pytest.mark.parametrize("person", ["ben", "ada", "olga"])
def test_access(client: FlaskClient, cast: Cast, telling: Telling, person: str) -> None:
    number = telling.start(1000)
    assert client.get(f"/sessions/{number}/why").status_code == 302
    assert client.get(f"/live/sessions/{number}/why?once").status_code == 401
    forms.sign_in(client, getattr(cast, person))
    for path in (f"/sessions/{number}/why", f"/live/sessions/{number}/why?once"):
        assert client.get(path).status_code == (404 if person == "ben" else 200)
    for unknown in ("0", "999", "x", "99999999999"):
        assert client.get(f"/sessions/{unknown}/why").status_code == 404


def test_links(ada: FlaskClient, telling: Telling) -> None:
    number = telling.start(1000)
    assert f'href="/sessions/{number}/why"' in ada.get(f"/sessions/{number}").text
    telling.end(1200, 3000)
    html, why = ada.get(f"/sessions/{number}").text, ada.get(f"/sessions/{number}/why").text
    for part in ("energy", "duration", "cost", "power"):
        assert f'href="/sessions/{number}/why#{part}"' in html
        assert f'id="{part}"' in why


@pytest.mark.field(15, 16, 17, 29, 31, 33, 35)
def test_random_sessions_add_up(telling: Telling, page: Callable[[int], str]) -> None:
    for seed in range(RANDOM):
        number = telling.tell(told_session(random.Random(f"why {seed}")))
        page(number)


@pytest.mark.both_databases
def test_windows_and_idling(telling: Telling, page: Callable[[int], str], charging: Charging) -> None:
    """Two hours are in at least three of these windows; the page has each of them, and what idling costs."""
    every_other = [f"{hour:02}:00-{hour + 1:02}:00 0.{hour + 10}" for hour in range(0, 24, 2)]
    administration.set_tariff(
        "Main", per_kwh=Decimal("0.3"), idle_per_minute=Decimal("0.1"), idle_grace_min=10, tax_percent=Decimal(19),
        windows=[f"daily {window} per kWh, 0.01 per minute" for window in every_other],
        actor=ACTOR, now=now() - timedelta(hours=20),
    )  # fmt: skip
    number = telling.start(1000)
    telling.meter(5000, 11_000)
    ChargingSession.update(over_at=telling.started_at + timedelta(seconds=5100)).where(
        ChargingSession.number == number
    ).execute()
    telling.end(7230, 11_000)
    html = page(number)
    shown = text_of(html)
    assert re.search(r"Energy, daily \d\d:00–\d\d:00 [\d.]+ kWh × €0.\d\d per kWh", shown)
    assert re.search(r"Time, daily \d\d:00–\d\d:00 [\d,]+ s × €0.01 per minute", shown)
    assert "Energy, at all other times" in shown
    assert re.search(r"After charging 1,530 s × €0.10 per minute, from .* on, after 10 min that were free €2.55", shown)
    assert "their energy is split evenly by time" in shown
    assert html.count('data-part="energy"') >= 2
