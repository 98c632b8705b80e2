"""An energy that is not known is a value like any other: on a session's page, in lists, in its cost and its curve."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.domain.data_quality import Note
from polaris.domain.enums import Correction, SetAside
from polaris.ingest import Ingest
from polaris.models import ChargingSession, EnergyCorrection, MeterReading, SessionNote
from polaris.rendering import filters
from polaris.web.sessions import fragments, queries
from polaris.web.sessions.topic import SessionTopic
from polaris.web.sessions.view import SessionView
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.pages import Open, direct

pytestmark = [pytest.mark.both_databases, pytest.mark.field(107)]

UNJUDGED = "The meter's readings cannot be judged yet."
FOR_DRIVERS = "The energy of this session is not known. The operator can set it."


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("&#39;", "'")


def tiles(page: str) -> dict[str, str]:
    """The tiles: label → figure."""
    found = re.findall(r'<div class="tile[^"]*">\s*<dt>([^<]+)</dt>\s*<dd>(.*?)</dd>', page, re.S)
    return {label: text_of(value).strip() for label, value in found}


def view(number: int) -> SessionView:
    found = queries.session_view(number, now(), timedelta(seconds=150))
    assert found is not None
    return found


@pytest.fixture
def active(charging: Charging, cast: Cast) -> int:
    """A session whose first readings cannot be judged yet."""
    number = charging.start(cast.ada.id_tag)
    ChargingSession.update(energy_wh=None).execute()
    return number


@pytest.fixture
def ended(charging: Charging, cast: Cast) -> int:
    """A session that has ended without a known energy."""
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 5200)
    ChargingSession.update(energy_wh=None).execute()
    return number


@pytest.fixture
def page_for(app: Flask, cast: Cast) -> Callable[..., str]:
    def page(path: str, person: str = "ada") -> str:
        client = app.test_client()
        forms.sign_in(client, getattr(cast, person))
        return client.get(path).text

    return page


def test_tiles_say_not_known(page_for, ended: int) -> None:
    shown = tiles(page_for(f"/sessions/{ended}"))
    assert {label: shown[label] for label in ("Total kWh", "Estimated cost", "Average kW")} == {
        "Total kWh": "not known",
        "Estimated cost": "not known",
        "Average kW": "not known",
    }
    assert shown["Duration"] == "0 s"


def test_running_session_says_why(page_for, active: int) -> None:
    page = page_for(f"/sessions/{active}")
    assert re.search(r'<p class="live__energy">\s*<span class="unknown">not known yet</span>\s*<small>', page)
    assert re.search(r"<dt>Estimated cost</dt>\s*<dd>\s*<span class=.unknown.>not known yet</span>", page)
    assert UNJUDGED in text_of(page)
    assert "0.00" not in text_of(page)
    assert text_of(page).count("€") == 1  # of the price of a kWh
    assert FOR_DRIVERS not in text_of(page)


@pytest.mark.parametrize("path", ["/sessions", "/fleet/depot-7"])
def test_lists_say_not_known(page_for, ended: int, charging: Charging, cast: Cast, path: str) -> None:
    charging.start(cast.ada.id_tag)
    ChargingSession.update(energy_wh=None).execute()
    shown = text_of(page_for(path, "olga"))
    for words in ("energy not known ", "energy not known yet"):
        assert words in shown
    assert shown.count("cost not known") == 2
    assert "– kWh" not in shown
    assert "€" not in shown


def test_remedy_by_role(page_for, ended: int) -> None:
    link = f'href="/actions/session/set-energy?number={ended}&amp;next=/sessions/{ended}">Set the energy</a>'
    drivers, operators = (page_for(f"/sessions/{ended}", person) for person in ("ada", "olga"))
    assert FOR_DRIVERS in text_of(drivers)
    assert "set-energy" not in drivers
    assert link in operators
    assert FOR_DRIVERS not in text_of(operators)


def test_why_leads_operators_to_the_energy(page_for, ended: int, ingest: Ingest) -> None:
    path = f"/sessions/{ended}/why"
    link = f"/actions/session/set-energy?number={ended}&amp;next={path}"
    ingest.set_energy(ended, Decimal("1.1"), "reading of the main meter", ACTOR, now())

    drivers, operators = page_for(path, "ada"), page_for(path, "olga")

    assert "/actions/" not in drivers
    assert f'href="{link}">Set the energy</a>' in operators
    assert f"{link}&amp;kwh=\">Return to the charger's figure</a>" in operators
    assert f'href="/actions/session/recompute?number={ended}' in operators


def test_operator_figure_outranks_charger(page_for, charging: Charging, cast: Cast, ingest: Ingest) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 5200)
    ingest.set_energy(number, Decimal("11.1"), "reading of the main meter", ACTOR, now())
    page = page_for(f"/sessions/{number}")
    assert (tiles(page)["Total kWh"], tiles(page)["Estimated cost"]) == ("11.10", "€5.33")
    assert "Set by the operator. The charger's own figure: 4.20 kWh." in text_of(page)
    assert re.search(r"Corrected on .+: 4\.20 kWh → 11\.10 kWh \(reading of the main meter\)", text_of(page))
    assert "11.10 kWh" in text_of(page_for("/sessions"))
    ingest.set_energy(number, None, "a slip", ACTOR, now())
    page = page_for(f"/sessions/{number}")
    assert tiles(page)["Total kWh"] == "4.20"
    assert "Set by the operator" not in page
    assert "11.10 kWh → 4.20 kWh (a slip)" in text_of(page)
    assert "4.20 kWh → 11.10 kWh" not in text_of(page)  # the newest alone
    assert f'href="/sessions/{number}/why#corrections">All corrections</a>' in page
    every = text_of(page_for(f"/sessions/{number}/why"))
    assert every.index("4,200 Wh → 11,100 Wh") < every.index("11,100 Wh → 4,200 Wh (a slip)")


@pytest.mark.parametrize("note", [Note.NOT_KNOWN, Note.NOT_METERED, Note.POWER_EXCEEDED])
def test_notes_beside_operator_figure(page_for, ended: int, ingest: Ingest, note: Note) -> None:
    """What the charger's figures do not say is no longer said of the energy."""
    SessionNote.create(session=ended, kind=note, at=now())
    SessionNote.create(session=ended, kind=Note.FINAL_MISSING, at=now())
    paths = (f"/sessions/{ended}", f"/sessions/{ended}/why")
    for path in paths:
        assert "so the energy is not known" in text_of(page_for(path))
    ingest.set_energy(ended, Decimal("11.1"), "main meter", ACTOR, now())
    for path in paths:
        shown = text_of(page_for(path))
        assert "By the charger's figures the energy is not known" in shown
        assert "so the energy is not known" not in shown
        assert "The charger sent no final meter figure. " in shown
    assert "The operator has set the energy. The charger's own figures" in text_of(page_for(paths[1]))
    assert "All corrections" not in page_for(paths[0])  # there is one


def test_too_low_power_in_words_for_operators(page_for, ended: int, charging: Charging, cast: Cast) -> None:
    active = charging.start(cast.ben.id_tag)
    ChargingSession.update(energy_wh=None).execute()
    for number in (ended, active):
        operators = page_for(f"/sessions/{number}", "olga")
        assert "/actions/charger/power" not in operators
        SessionNote.create(session=number, kind=Note.POWER_EXCEEDED, at=now())
        operators = page_for(f"/sessions/{number}", "olga")
        assert "/actions/charger/power?identity=depot-7" in operators
        assert f"/actions/session/recompute?number={number}" in operators
        assert UNJUDGED not in text_of(operators)  # it is another reason
    assert "/actions/" not in page_for(f"/sessions/{ended}")


def test_operator_figure_for_unknown(page_for, ended: int, ingest: Ingest) -> None:
    ingest.set_energy(ended, Decimal(0), "<i>nothing</i> flowed", ACTOR, now())
    page = page_for(f"/sessions/{ended}")
    assert tiles(page)["Total kWh"] == "0.00"
    assert "Set by the operator. The charger's own figure: not known." in text_of(page)
    assert "not known → 0.00 kWh (&lt;i&gt;nothing&lt;/i&gt; flowed)" in text_of(page)
    assert FOR_DRIVERS not in text_of(page)


def test_corrections_by_charger_in_words(page_for, ended: int) -> None:
    for kind in Correction:
        EnergyCorrection.create(session=ended, at=now(), kind=kind, before_wh=1, after_wh=None, actor="charger", why="")
    shown = text_of(page_for(f"/sessions/{ended}/why"))
    for words in (
        "the charger's own final figure came",
        "readings came late",
        "worked out again",
        "set by the operator",
    ):
        assert f"1 Wh → not known ({words}" in shown


def test_many_corrections_bounded(ended: int) -> None:
    for after_wh in range(queries.MAX_CORRECTIONS + 5):
        EnergyCorrection.create(
            session=ended, at=now(), kind=Correction.SET, after_wh=after_wh, actor=ACTOR, why="again"
        )
    shown = [change.after_wh for change in view(ended).corrections]
    assert shown == list(range(queries.MAX_CORRECTIONS + 5))[:4:-1]


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_figure_reaches_open_page(open_: Open, ended: int, cast: Cast, ingest: Ingest) -> None:
    page = open_(SessionTopic(ended), cast.ada)
    assert page.shows("not known", in_="-live")
    assert page.shows("The operator can set it.", in_="-stop")
    ingest.set_energy(ended, Decimal("3.5"), "as agreed", ACTOR, now())
    assert page.shows("3.50", in_="-live")
    assert page.shows('data-status="ended"', in_="-stop")


# Readings that are kept, but not counted.


@pytest.mark.parametrize("reason", SetAside)
def test_set_aside_reading_marked(app: Flask, page_for, charging: Charging, cast: Cast, reason: SetAside) -> None:
    number = charging.start(cast.ada.id_tag)
    for register_wh in (1500, 4_294_967_295, 2000):
        charging.meter(number, register_wh)
    impossible = MeterReading.register_wh == 4_294_967_295
    MeterReading.update(set_aside=reason, energy_wh=None).where(impossible).execute()
    MeterReading.update(energy_wh=1000).where(MeterReading.register_wh == 2000).execute()
    ChargingSession.update(energy_wh=1000).execute()
    with app.test_request_context():
        words = filters.set_aside(reason)
    for path in (f"/sessions/{number}", f"/sessions/{number}?readings=all"):
        page = page_for(path)
        (row, *_) = re.findall(r'<tr class="timeline__aside" .*?</tr>', page, re.S)
        assert words in text_of(row)
        assert ("meter 4,294,967.30" in row) == (reason is not SetAside.POWER)
        assert ("4,294,967.30" in row) == (reason is not SetAside.POWER)
    seen = view(number)
    assert [point.energy_wh for point in seen.curve] == [500, 1000]
    assert [point.energy_wh for point in seen.timeline] == [1000, None, 500]


def test_set_aside_words_differ(app: Flask) -> None:
    with app.test_request_context():
        words = {filters.set_aside(reason) for reason in SetAside}
    assert len(words) == len(SetAside)
    assert all("not counted: " in text for text in words)


def test_power_set_aside_leaves_energy(page_for, charging: Charging, cast: Cast) -> None:
    """One column has one meaning: kWh of the session, beside which a meter's own figure says that it is one."""
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 1500, power_w=7000)
    charging.meter(number, 2000, power_w=900_000)
    page = page_for(f"/sessions/{number}")
    (row,) = re.findall(r'<tr class="timeline__aside" data-aside="power">.*?</tr>', page, re.S)
    assert "<td>1.00</td>" in row
    assert "<td>0.50</td>" in page
    assert "meter " not in text_of(row)


def test_interval_set_aside_shows_itself(page_for, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, None, interval_wh=9_000_000)
    MeterReading.update(set_aside=SetAside.TOO_MUCH, energy_wh=None).execute()
    ChargingSession.update(energy_wh=None).execute()
    page = page_for(f"/sessions/{number}")
    assert "meter 9,000.00" in page
    assert "<td>0.00</td>" not in page
    assert len(view(number).curve) == 0


def test_timeline_keeps_what_curve_leaves_out(charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    for register_wh in range(1100, 4100, 100):
        charging.meter(number, register_wh)
    MeterReading.update(set_aside=SetAside.CONTRADICTED, energy_wh=None).where(MeterReading.energy_wh > 1000).execute()
    seen = view(number)
    assert len(seen.timeline) == 20
    assert seen.has_more_readings
    assert [point.energy_wh for point in seen.curve] == list(range(100, 1100, 100))


def test_power_alone_draws_no_energy(app: Flask, client: FlaskClient, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    for power_w in (7000, 7200):
        charging.meter(number, None, power_w=power_w)
    ChargingSession.update(energy_wh=None).execute()
    assert [point.energy_wh for point in view(number).curve] == [None, None]
    with app.test_request_context():
        curve = fragments.session(view(number))[f"session-{number}-curve"]
    assert "Energy has grown" not in curve
    assert "Power was at most 7.2 kW." in curve
