"""Sites that are deleted, or stay for accounting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from polaris import administration
from polaris.administration import Refused
from polaris.config import Config
from polaris.ingest import Ingest
from polaris.lists import session_lines, sessions
from polaris.lists.sessions import SessionFilter
from polaris.models import AuditEntry, ChargingSession, Site, Tariff
from tests.support import plans
from tests.support.cast import add_charger
from tests.support.charging import Charging

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHO = {"actor": "olga@example.com", "now": NOW}


@pytest.fixture
def yard(database: None) -> str:
    administration.set_site("Yard", **WHO)
    administration.set_tariff("Yard", per_kwh=Decimal("0.39"), actor="tests", now=NOW - timedelta(days=1))
    return "Yard"


@pytest.mark.both_databases
def test_site_where_sessions_were_stays(yard: str, config: Config, ingest: Ingest) -> None:
    charger = add_charger(config, "yard-1")
    administration.set_site_of("yard-1", yard, **WHO)
    with pytest.raises(Refused, match=r"Chargers at Yard, retired ones included: 1\. Move them first\."):
        administration.delete_site(yard, **WHO)
    Charging(ingest, charger).start("ADA-1")
    administration.set_site_of("yard-1", "Main", **WHO)

    with plans.executed() as statements, pytest.raises(Refused, match="There were sessions at Yard"):
        administration.delete_site(yard, **WHO)

    of_sessions = [each for each in statements if "charging_session" in each[0]]
    assert of_sessions
    assert plans.full_scans(of_sessions) == []
    assert (ChargingSession.get().site.name, ChargingSession.get().tariff.site.name) == (yard, yard)


@pytest.mark.both_databases
def test_site_with_sessions_without_prices_stays(config: Config, ingest: Ingest) -> None:
    administration.set_site("Yard", **WHO)
    charger = add_charger(config, "yard-1")
    administration.set_site_of("yard-1", "Yard", **WHO)
    number = Charging(ingest, charger).start("ADA-1")
    administration.set_site_of("yard-1", "Main", **WHO)

    with pytest.raises(Refused, match="There were sessions at Yard"):
        administration.delete_site("Yard", **WHO)

    (line,) = session_lines.of_numbers([number], NOW)
    assert line.site == "Yard"
    assert sessions.page(SessionFilter(site="Yard"), 10).keys == [number]
    assert sessions.page(SessionFilter(site="Main"), 10).keys == []


@pytest.mark.both_databases
def test_site_without_sessions_is_deleted_with_its_tariffs(yard: str) -> None:
    administration.delete_site(yard, **WHO)

    assert [site.name for site in Site.select()] == ["Main"]
    assert Tariff.select().count() == 0
    last = AuditEntry.select().order_by(AuditEntry.id.desc()).first()
    assert (last.action, last.target) == ("site.deleted", yard)
    assert last.detail == (
        "time zone: UTC, currency: EUR, address: ; tariffs: 1, the last: Price of a kWh: 0.39 EUR, Currency: EUR"
    )


@pytest.mark.both_databases
def test_another_time_zone_is_said(yard: str) -> None:
    assert not administration.set_site(yard, time_zone="UTC", **WHO).has_other_zone
    assert administration.set_site(yard, time_zone="Pacific/Kiritimati", **WHO).has_other_zone
    assert not administration.set_site("New", time_zone="Europe/Berlin", **WHO).has_other_zone
