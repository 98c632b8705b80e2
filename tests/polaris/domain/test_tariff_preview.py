"""Ended sessions under other prices: differences are exact, and the sums are those of the rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.price_windows import Schedule
from polaris.domain.tariff import Money, Prices
from polaris.domain.tariff_preview import PastSession, preview
from polaris.domain.usage import Usage
from polaris.domain.window_text import read

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD = Prices("EUR", Decimal("0.39"), Decimal(0), Decimal("0.35"), Decimal(19))
NEW = Prices("EUR", Decimal("0.49"), Decimal(0), Decimal(0), Decimal(19))
EUROS = st.builds(
    Prices, st.just("EUR"), *[st.decimals(0, 100, places=6)] * 3, tax_percent=st.decimals(0, 100, places=2)
)
SESSIONS = st.builds(
    PastSession,
    st.integers(1, 100),
    st.just("Depot 7"),
    st.builds(
        Usage,
        st.none() | st.integers(0, 10**6),
        st.integers(0, 10**6).map(lambda s: NOON - timedelta(seconds=s)),
        st.just(NOON),
    ),
    st.booleans(),
    st.none() | EUROS,
)


def session(energy_wh: int | None = 10_000, prices: Prices | None = OLD, *, is_refused: bool = False) -> PastSession:
    return PastSession(1, "Depot 7", Usage(energy_wh, NOON - timedelta(hours=1), NOON), is_refused, prices)


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def test_difference_of_a_session() -> None:
    (row,) = preview([session()], NEW).rows
    assert (row.cost, row.new_cost, row.difference) == (euros("5.06"), euros("5.83"), euros("0.77"))


def test_sums_leave_out_what_cannot_be_compared() -> None:
    francs = Prices("CHF", Decimal(1))
    compared = preview([session(), session(None), session(prices=None), session(prices=francs)], NEW)
    assert [row.difference is None for row in compared.rows] == [False, True, True, True]
    assert compared.rows[3].cost == Money(Decimal("10.00"), "CHF")
    assert compared.sums.sessions == 1
    assert compared.sums.difference == euros("0.77")


def test_refused_session_costs_nothing() -> None:
    (row,) = preview([session(0, is_refused=True)], NEW).rows
    assert (row.cost, row.new_cost, row.difference) == (None, None, None)


@given(st.lists(SESSIONS, max_size=10), EUROS)
def test_sums_add_up(sessions: list[PastSession], prices: Prices) -> None:
    found = preview(sessions, prices)
    assert found.sums.cost.amount + found.sums.difference.amount == found.sums.new_cost.amount
    assert found.sums.difference.amount == sum(row.difference.amount for row in found.rows if row.difference)


@given(SESSIONS, EUROS, st.decimals(0, 10, places=6))
def test_higher_price_never_costs_less(past: PastSession, prices: Prices, more: Decimal) -> None:
    dearer = Prices("EUR", prices.per_kwh + more, prices.per_minute, prices.per_session + more, prices.tax_percent)
    (row,), (dearer_row,) = preview([past], prices).rows, preview([past], dearer).rows
    if row.new_cost is not None and dearer_row.new_cost is not None:
        assert dearer_row.new_cost.amount >= row.new_cost.amount


@given(SESSIONS, EUROS)
def test_same_prices_make_no_difference(past: PastSession, prices: Prices) -> None:
    same = PastSession(1, "", past.usage, past.is_idle_refusal, prices)
    difference = preview([same], prices).rows[0].difference
    assert difference is None or difference.amount == 0


def test_other_windows_are_split_by_the_readings() -> None:
    """At noon in UTC, the prices change; three quarters of the energy had flowed by then."""
    began_at, ended_at = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
    usage = Usage(4000, began_at, ended_at, 4000)
    past = PastSession(1, "Depot 7", usage, False, OLD, ((NOON, 3000), (ended_at, 4000)))
    schedule = Schedule("UTC", read(["daily 00:00-12:00 1 per kWh"], Decimal(0)))
    assert past.cost(Prices("EUR", Decimal(2), schedule=schedule)) == euros("5.00")
