"""The points of a curve: an even selection, the same however the readings come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.limits import MAX_CURVE_POINTS
from polaris.web.sessions.trace import Trace, Values

FIGURES = st.integers(-5, 10**7) | st.none()
VALUES = st.builds(Values, st.integers(0, 10**15), FIGURES, FIGURES, FIGURES)


@given(st.integers(0, 1700))
def test_even_selection_with_first_and_last(count: int) -> None:
    trace = Trace().grown(Values(place, place, None) for place in range(count))
    expected = [*range(0, count, trace.stride)]
    assert list(trace.at_us) == expected + [count - 1] * bool(count and expected[-1] != count - 1)
    assert min(count, MAX_CURVE_POINTS // 2) <= len(trace) <= MAX_CURVE_POINTS
    assert list(trace.at_us)[: trace.settled] == expected


@given(st.lists(st.lists(VALUES, max_size=150), max_size=8))
def test_same_one_by_one_as_at_once(parts: list[list[Values]]) -> None:
    grown = Trace()
    for part in parts:
        grown = grown.grown(part)
    assert grown == Trace().grown(values for part in parts for values in part)


def test_energy_never_falls() -> None:
    readings = [(500, 1), (None, 2), (400, 3), (-3, 4), (600, 5)]
    trace = Trace().grown(Values(power_w, energy_wh, power_w) for energy_wh, power_w in readings)
    assert [point.energy_wh for point in trace] == [500, None, 500, 500, 600]


def test_grown_trace_leaves_first_as_it_was() -> None:
    first = Trace().grown([Values(1, 1, 1)])
    first.grown([Values(2, 2, 2)])
    assert len(first) == 1
