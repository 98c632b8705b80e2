"""What a session keeps for its prices: the energy by each border that it passes, and since when it idles."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from polaris import models
from polaris.domain.data_quality import Note
from polaris.domain.facts import ConnectorStatusChanged, Fact, Report, SessionReported
from polaris.domain.metering import Reading
from polaris.domain.price_windows import Schedule, to_json
from polaris.domain.tariff import Money, estimate
from polaris.domain.usage import borders, idle_s
from polaris.domain.window_text import read
from polaris.ingest import corrections
from polaris.ingest.facts import rebuild
from polaris.ingest.facts.rebuild import MAX_AT_ONCE
from polaris.models import ChargingSession, Tariff, database
from tests.support.ingest_cast import NOW, Cast, at, session

pytestmark = pytest.mark.both_databases

HOUR = 3600
# NOW is 12:00 in UTC, so the price changes an hour after it, and again after another.
LINES = ("daily 13:00-14:00 0.50 per kWh, 0.06 per minute",)
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def windows(cast: Cast) -> None:
    set_windows(*LINES)


def set_windows(*lines: str, zone: str = "UTC") -> None:
    schedule = Schedule(zone, read(lines, Decimal(0)))
    with models.database.connection_context():
        Tariff.create(
            site=1,
            currency="EUR",
            per_kwh=Decimal("0.30"),
            per_minute=Decimal(0),
            per_session=Decimal(0),
            tax_percent=Decimal(0),
            idle_per_minute=Decimal("0.10"),
            idle_grace_s=600,
            schedule=to_json(schedule),
            valid_from_at=NOW - timedelta(hours=1),
        )


def kept(number: int) -> tuple[tuple[int, ...], Any]:
    """Return the energy by each border, and the seconds from NOW to the next."""
    found = session(number)
    ahead = found.next_border_at
    return borders(found.border_wh), None if ahead is None else (ahead - NOW).total_seconds()


def cost(number: int) -> Money | None:
    with models.database.connection_context():
        found = ChargingSession.get_by_id(number)
        return estimate(found.tariff.prices(), found.usage(at(0)), is_idle_refusal=False)


def status(cast: Cast, name: str, seconds: float, **values: Any) -> ConnectorStatusChanged:
    rest: dict[str, Any] = {"received_at": at(seconds), "at": at(seconds), "error_code": "NoError", "info": ""}
    return ConnectorStatusChanged(charger_id=cast.charger, connector=1, status=name, **rest | values)


def event(
    cast: Cast, transaction_id: str, seq_no: int, seconds: float, wh: int | None, **values: Any
) -> SessionReported:
    rest: dict[str, Any] = {
        "report": Report.UPDATED, "connector": 1, "id_tag": None, "status": "Charging", "reason": "",
        "is_offline": False, "received_at": at(9 * HOUR), "raw": {"seqNo": seq_no, "id": transaction_id},
        "readings": () if wh is None else (Reading(at(seconds), register_wh=wh),),
    }  # fmt: skip
    return SessionReported(
        charger_id=cast.charger, transaction_id=transaction_id, seq_no=seq_no, at=at(seconds), **rest | values
    )


# Borders.


@pytest.mark.parametrize("zone", ["UTC", "Atlantis/Capital"])
def test_session_across_borders(cast: Cast, zone: str) -> None:
    """A time zone that is known no more is UTC."""
    set_windows(*LINES, zone=zone)
    number = cast.start().number
    assert kept(number) == ((), HOUR)
    cast.store(cast.metered(number, HOUR - 600, 5000))
    assert kept(number) == ((), HOUR)
    cast.store(cast.metered(number, HOUR + 1200, 8000))
    assert kept(number) == ((5000,), 2 * HOUR)  # 4000 Wh, and a third of 3000 Wh
    cast.store(cast.metered(number, 2 * HOUR, 9000))
    assert kept(number) == ((5000, 8000), 25 * HOUR)
    cast.store(cast.ended(number, 2 * HOUR + 600, 9500))
    assert kept(number) == ((5000, 8000), 25 * HOUR)
    # 5 × 0.30 before one, 3 × 0.50 and 60 × 0.06 in the hour, and 0.5 × 0.30 after it.
    assert cost(number) == Money(Decimal("6.75"), "EUR")


def test_reading_at_a_border(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, HOUR, 4000))
    assert kept(number) == ((3000,), 2 * HOUR)
    cast.store(cast.metered(number, HOUR + 1, 4100))
    assert kept(number) == ((3000,), 2 * HOUR)


def test_end_beyond_a_border(cast: Cast) -> None:
    """No reading has come since before it: the end's own figure is split, also by a border at the end itself."""
    number = cast.start().number
    cast.store(cast.metered(number, HOUR - 600, 5000))
    cast.store(cast.ended(number, HOUR + 600, 7000))
    assert kept(number)[0] == (5000,)
    at_border = cast.start(connector=2, seconds=8 * HOUR, at=at(0)).number
    cast.store(cast.ended(at_border, HOUR, 7000))
    assert kept(at_border) == ((6000,), 2 * HOUR)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_end_at_a_border_in_any_order(cast: Cast, order: Sequence[int]) -> None:
    name = f"t-{next(_numbers)}"
    facts: list[Fact] = [
        event(cast, name, 0, 0, 1000, report=Report.STARTED, id_tag="ADA-1"),
        event(cast, name, 1, 600, 2000),
        event(cast, name, 2, HOUR, 5000, report=Report.ENDED),
    ]
    for index in order:
        cast.store(facts[index], seconds=9 * HOUR)
    with models.database.connection_context():
        found = ChargingSession.get(ChargingSession.transaction_id == name)
    assert kept(found.number) == ((4000,), 2 * HOUR)


def test_usual_end_takes_the_batch_path(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    number = cast.start().number
    monkeypatch.delattr(rebuild, "figures")
    cast.store(cast.metered(number, HOUR - 600, 5000))
    cast.store(cast.ended(number, HOUR - 1, 7000))
    assert (session(number).energy_wh, kept(number)[0]) == (6000, ())


def test_late_reading_moves_the_split(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, 2 * HOUR - 60, 9000))
    assert kept(number)[0] == (4034,)  # 8000 Wh × 3600 s / 7140 s
    cast.store(replace(cast.metered(number, HOUR, 2000), received_at=at(2 * HOUR)))
    assert kept(number)[0] == (1000,)
    cast.store(cast.ended(number, 2 * HOUR - 1, 9000))
    cast.store(replace(cast.metered(number, HOUR - 1, 1990), received_at=at(3 * HOUR)))
    assert kept(number)[0] == (1000,)


def test_long_session_is_split_beside_the_writer(cast: Cast) -> None:
    number = cast.start().number
    told = tuple(Reading(at(7 * index), register_wh=1000 + 7 * index) for index in range(1, MAX_AT_ONCE + 2))
    cast.store(replace(cast.metered(number, 7 * MAX_AT_ONCE + 7, 0), readings=told))
    cast.store(cast.metered(number, HOUR + 400, 5000))
    assert (kept(number)[0], session(number).needs_rebuild) == ((), True)
    cast.ingest.rebuild_outdated(at(HOUR + 401))
    assert (kept(number), session(number).needs_rebuild) == (((3600,), 2 * HOUR), False)


def test_correction_scales(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, HOUR, 3000))
    cast.store(cast.ended(number, HOUR + 60, 4000))
    assert cost(number) == Money(Decimal("1.16"), "EUR")  # 2 × 0.30 + 1 × 0.50 + 1 × 0.06
    with models.database.connection_context(), database.atomic():
        corrections.set_energy([], number, Decimal(6), "Meter read by hand.", actor="olga", now=at(2 * HOUR))
    assert cost(number) == Money(Decimal("2.26"), "EUR")


def test_other_zone_changes_nothing_priced(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, HOUR, 3000))
    with models.database.connection_context():
        models.Site.update(time_zone="Pacific/Auckland").execute()
    cast.store(cast.metered(number, 2 * HOUR, 4000))
    assert kept(number) == ((2000, 3000), 25 * HOUR)


def test_session_of_a_plain_tariff_keeps_nothing(cast: Cast) -> None:
    with models.database.connection_context():
        Tariff.delete().where(Tariff.schedule != "").execute()
    number = cast.start().number
    cast.store(cast.metered(number, 20 * HOUR, 3000))
    cast.store(cast.ended(number, 40 * HOUR, 4000))
    assert kept(number) == ((), None)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(order=[0, 1, 2, 3, 5, 4], steps=[0, 0, 0, 0, 1, 0])
@given(order=st.permutations(range(6)), steps=st.lists(st.integers(0, 3000), min_size=6, max_size=6))
def test_any_order_same_split(cast: Cast, order: Sequence[int], steps: list[int]) -> None:
    """In whatever order the events of a transaction come, its split and its idling are those of their own order."""
    told = [1000 + sum(steps[: index + 1]) for index in range(6)]
    reports = {0: Report.STARTED, 5: Report.ENDED}
    states = ["Charging", "Charging", "SuspendedEV", "SuspendedEV", "EVConnected", ""]

    def tell(order: Sequence[int]) -> tuple[Any, ...]:
        name = f"t-{next(_numbers)}"
        facts: list[Fact] = [
            event(
                cast, name, index, 1500 * index, told[index], status=states[index],
                report=reports.get(index, Report.UPDATED), id_tag="ADA-1" if index == 0 else None,
            )
            for index in range(6)
        ]  # fmt: skip
        for index in order:
            cast.store(facts[index], seconds=9 * HOUR)
        with models.database.connection_context():
            found = ChargingSession.get(ChargingSession.transaction_id == name)
        return found.state, found.energy_wh, found.border_wh, found.next_border_at, found.over_at

    assert tell(order) == tell(range(6))


# Idling.


@pytest.mark.parametrize("state", ["SuspendedEV", "Finishing"])
def test_car_takes_no_more(cast: Cast, state: str) -> None:
    number = cast.start().number
    cast.store(status(cast, "Charging", 10))
    cast.store(cast.metered(number, 600, 5000))
    cast.store(status(cast, state, 650))
    assert session(number).over_at == at(650)
    cast.store(cast.metered(number, 660, 5100))  # that may have flowed before
    cast.store(cast.metered(number, 720, 5100))
    assert session(number).over_at == at(650)
    cast.store(cast.ended(number, 650 + 600 + 90, 5100))
    assert idle_s(session(number).usage(at(0)), 600) == 90
    assert cost(number) == Money(Decimal("1.38"), "EUR")  # 4.1 × 0.30 + 1.5 × 0.10


@pytest.mark.parametrize("state", ["Charging", "SuspendedEVSE", "Faulted"])
def test_charging_goes_on(cast: Cast, state: str) -> None:
    number = cast.start().number
    cast.store(status(cast, "SuspendedEV", 100))
    cast.store(status(cast, state, 200))
    assert session(number).over_at is None
    cast.store(status(cast, "SuspendedEV", 300))
    assert session(number).over_at == at(300)


def test_energy_that_flows_is_no_idling(cast: Cast) -> None:
    number = cast.start().number
    cast.store(status(cast, "SuspendedEV", 100))
    cast.store(cast.metered(number, 160, 1500))
    cast.store(cast.metered(number, 220, 1600))
    assert session(number).over_at is None
    cast.store(status(cast, "SuspendedEV", 150, received_at=at(300)))  # told late, and wrong already
    assert session(number).over_at is None
    cast.store(status(cast, "SuspendedEV", 400))
    cast.store(cast.metered(number, 460, 1600))
    cast.store(cast.ended(number, 520, 1700))  # the end shows that it went on
    assert session(number).over_at is None


def test_late_readings_that_flow(cast: Cast) -> None:
    """The charger was offline: its state has come, its readings of after that not yet."""
    number = cast.start().number
    cast.store(cast.metered(number, 60, 1500))
    cast.store(status(cast, "SuspendedEV", 100))
    for second, wh in ((200, 1600), (300, 1700)):
        cast.store(replace(cast.metered(number, second, wh), received_at=at(1000)))
    assert session(number).over_at is None


def test_clock_that_is_wrong_dates_idling_by_its_receipt(cast: Cast) -> None:
    number = cast.start().number
    cast.store(status(cast, "SuspendedEV", 100, at=at(86_400)))
    assert session(number).over_at == at(100)


def test_state_of_before_the_session(cast: Cast) -> None:
    number = cast.start(seconds=500).number
    cast.store(status(cast, "SuspendedEV", 400, received_at=at(510)))
    assert session(number).over_at is None


def test_states_of_a_transaction(cast: Cast) -> None:
    def over_at(seq_no: int, state: str, wh: int, **values: Any) -> Any:
        cast.store(event(cast, "t", seq_no, 60 * seq_no, wh, status=state, **values), seconds=9 * HOUR)
        with models.database.connection_context():
            return ChargingSession.get(ChargingSession.transaction_id == "t").over_at

    assert over_at(0, "EVConnected", 1000, report=Report.STARTED, id_tag="ADA-1") is None
    assert over_at(1, "Charging", 1000) is None
    assert over_at(2, "SuspendedEV", 2000) == at(120)
    assert over_at(3, "EVConnected", 2000) == at(120)
    assert over_at(4, "Charging", 2000) is None
    assert over_at(5, "Idle", 3000) == at(300)


def test_rebuild_of_before_finds_nothing_new(cast: Cast) -> None:
    """To make a session out again changes nothing of what its price depends on."""
    number = cast.start().number
    cast.store(cast.metered(number, HOUR - 600, 5000))
    cast.store(status(cast, "SuspendedEV", HOUR))
    cast.store(cast.ended(number, HOUR + 600, 5000))
    with models.database.connection_context():
        made = corrections.remade(number)
    assert made is not None
    assert not made.recomputed.is_outdated
    assert Note.NOT_KNOWN not in made.figures.notes
