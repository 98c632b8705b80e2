"""Sites and their chargers as lists: the figures, the pages, and that no query reads a whole table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from polaris import administration
from polaris.config import Config
from polaris.domain.price_windows import Schedule
from polaris.domain.window_text import read
from polaris.ingest import Ingest
from polaris.lists import sites, tariffs
from polaris.lists.sites import ConnectorRow
from polaris.models import Charger, ChargingSession
from tests.support import plans
from tests.support.cast import ACTOR, Cast, add_charger, now
from tests.support.charging import Charging

pytestmark = pytest.mark.both_databases


@pytest.fixture
def yard(cast: Cast) -> int:
    administration.set_site("Yard", currency="CHF", time_zone="Europe/Zurich", actor=ACTOR, now=now())
    site = sites.named("Yard", now())
    assert site
    return site.id


def test_site_has_its_chargers_and_prices(charging: Charging, cast: Cast, config: Config, yard: int) -> None:
    add_charger(config, "depot-8")
    add_charger(config, "depot-9")
    Charger.update(status="retired").where(Charger.identity == "depot-9").execute()
    for connector in (1, 2):
        charging.start(cast.ada.id_tag, connector=connector)

    main, other = sites.page(now()).rows
    assert (main.name, main.chargers, main.online, main.in_use) == ("Main", 2, 1, 1)
    assert main.prices
    assert main.prices.per_kwh == Decimal("0.40")
    assert (other.name, other.chargers, other.online, other.in_use, other.prices) == ("Yard", 0, 0, 0, None)
    (after_lease,) = [each for each in sites.page(now() + timedelta(days=1)).rows if each.name == "Main"]
    assert after_lease.online == 0


def test_prices_that_are_not_in_force_yet_are_not_shown(cast: Cast) -> None:
    tomorrow = now() + timedelta(days=1)
    administration.set_tariff("Main", per_kwh=Decimal(9), actor=ACTOR, now=tomorrow)
    assert sites.prices_now([1], now())[1].per_kwh == Decimal("0.40")
    assert sites.prices_now([1], tomorrow)[1].per_kwh == Decimal(9)


def test_pages(cast: Cast, config: Config) -> None:
    for name in ("b", "a", "c"):
        administration.set_site(name, actor=ACTOR, now=now())
        add_charger(config, f"x-{name}", name="Same")
    names, after = [], ""
    while after is not None:
        page = sites.page(now(), after, limit=2)
        names += [row.name for row in page.rows]
        after = page.next_name
    assert sorted(names) == ["Main", "a", "b", "c"]
    identities, after_id, pages = [], None, 0
    while after_id is not None or not pages:
        found = sites.chargers(1, now(), after_id, limit=2)
        identities += [row.identity for row in found.rows]
        after_id, pages = found.next_id, pages + 1
    assert identities == ["depot-7", "x-b", "x-a", "x-c"]


def test_charger_has_its_connectors(charging: Charging, cast: Cast) -> None:
    charging.status("Available", connector=2)
    charging.status("Charging")
    charging.status("Available", connector=0)
    number = charging.start(cast.ada.id_tag)
    (row,) = sites.chargers(1, now()).rows
    assert (row.identity, row.is_online, row.is_blocked) == ("depot-7", True, False)
    assert row.connectors == (ConnectorRow(1, "Charging", number), ConnectorRow(2, "Available", None))


def test_versions_of_prices(cast: Cast, yard: int) -> None:
    later = now() + timedelta(hours=1)
    for site, price in (("Main", "0.50"), ("Yard", "0.60")):
        administration.set_tariff(site, per_kwh=Decimal(price), actor=ACTOR, now=later)
    newest, second, oldest = tariffs.page(None, 10).rows
    assert (newest.site, newest.prices.currency, newest.until_at) == ("Yard", "CHF", None)
    assert (second.site, second.prices.per_kwh, second.until_at) == ("Main", Decimal("0.50"), None)
    assert (oldest.site, oldest.until_at) == ("Main", second.from_at)
    first = tariffs.page(None, 2)
    assert tariffs.page(None, 2, first.next_id).rows == [oldest]
    assert [row.site for row in tariffs.page(yard, 10).rows] == ["Yard"]


def ended(charging: Charging, id_tag: str, energy_wh: int) -> int:
    number = charging.start(id_tag)
    charging.end(number, 1000 + energy_wh)
    return number


def test_last_sessions_under_other_prices(charging: Charging, cast: Cast, config: Config, ingest: Ingest) -> None:
    """They are the last of all chargers of the site, and none that runs or has no energy."""
    other = Charging(ingest, add_charger(config, "depot-8"))
    numbers = [
        ended(charging if energy_wh % 2 else other, cast.ada.id_tag, energy_wh)
        for energy_wh in range(1, tariffs.MAX_PREVIEWED + 3)
    ]
    ended(charging, "UNKNOWN", 0)
    charging.start(cast.ada.id_tag)
    prices = sites.prices_now([1], now())[1]
    found = tariffs.previewed(1, prices)
    assert [row.session.number for row in found.rows] == numbers[:1:-1]
    assert found.sums.sessions == tariffs.MAX_PREVIEWED
    assert found.sums.difference.amount == 0
    assert tariffs.previewed(2, prices).rows == ()


def test_no_query_reads_a_whole_table(charging: Charging, cast: Cast, yard: int) -> None:
    number = ended(charging, cast.ada.id_tag, 5)
    ChargingSession.update(started_at=now() - timedelta(hours=3)).where(ChargingSession.number == number).execute()
    every_other = [f"daily {hour:02}:00-{hour + 1:02}:00 1 per kWh" for hour in range(0, 24, 2)]
    schedule = Schedule("UTC", read(every_other, Decimal(0)))
    last = tariffs.page(None, 1).rows[0]
    with plans.executed() as statements:
        sites.page(now(), "A")
        sites.page(now())
        sites.site(yard, now())
        sites.chargers(1, now())
        sites.chargers(1, now(), cast.depot_7.id)
        tariffs.page(None, 50)
        tariffs.page(1, 50, last.id)
        tariffs.previewed(1, replace(last.prices, schedule=schedule))
    big = ("charging_session", "charger", "connector", "tariff", "meter_reading")
    assert any("meter_reading" in statement for statement, _ in statements)
    of_tables = [each for each in statements if any(name in each[0] for name in big)]
    assert of_tables
    assert plans.full_scans(of_tables) == []
