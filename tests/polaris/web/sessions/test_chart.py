"""The geometry of a session's picture."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.web.sessions import chart
from polaris.web.sessions.view import Point

STARTED_AT = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)


def page(*readings):
    """A page with readings of (minute, Wh, W); the curve reads nothing else of it."""
    points = tuple(Point(STARTED_AT + timedelta(minutes=m), wh, w, None) for m, wh, w in readings)
    return SimpleNamespace(started_at=STARTED_AT, curve=points)


def test_one_reading_draws_nothing():
    assert chart.draw(page()) is None
    assert chart.draw(page((0, 0, 0))) is None
    assert chart.draw(page((0, None, None), (1, None, None), (2, 5, 5))) is None


def test_energy_area_and_power_line():
    picture = chart.draw(page((0, 0, 22_000), (5, 2_000, 22_000), (10, 4_000, 11_000)))
    assert picture.axes.minutes == (0, 2, 4, 6, 8, 10)
    assert picture.axes.kwh == (0, 1, 2, 3, 4)
    assert picture.axes.kw == (0, 6, 12, 18, 24)
    assert picture.energy_line == "M0 2000 3000 1000 6000 0"
    assert picture.energy_area == "M0 2000 3000 1000 6000 0 6000 2000 0 2000Z"
    assert picture.power_line == "M0 167 3000 167 6000 1083"
    assert picture.peak_power_w == 22_000


def test_energy_without_power():
    picture = chart.draw(page((0, 0, None), (3, 500, None)))
    assert (picture.power_line, picture.peak_power_w) == ("", None)


def test_readings_before_start_clamped():
    assert chart.draw(page((-2, 0, 0), (1, 1, 1))).energy_line.startswith("M0 ")


def test_frame_steady_while_growing():
    first = chart.draw(page((0, 0, 7_000), (21, 2_100, 7_000)))
    later = chart.draw(page((0, 0, 7_000), (24, 2_300, 7_000)))
    assert first.axes.minutes == later.axes.minutes == (0, 5, 10, 15, 20, 25)
    assert first.axes.kwh == later.axes.kwh


@pytest.mark.parametrize(
    ("largest", "top"), [(0, 0.04), (0.03, 0.04), (1, 1), (18.4, 20), (21.9, 24), (350, 400), (0.7, 0.8)]
)
def test_top_tick_round_and_near(largest, top):
    assert chart.ticks(largest)[-1] == top


@given(
    st.lists(
        st.tuples(st.floats(0, 100_000), st.integers(0, 10**7) | st.none(), st.integers(0, 10**6) | st.none()),
        max_size=20,
    )
)
def test_points_inside_frame(readings):
    picture = chart.draw(page(*sorted(readings, key=lambda r: r[0])))
    if picture is None:
        return
    numbers = (picture.energy_area + " " + picture.power_line).replace("M", "").replace("Z", "").split()
    assert all(0 <= float(x) <= chart.WIDTH for x in numbers[::2])
    assert all(0 <= float(y) <= chart.HEIGHT for y in numbers[1::2])
    assert len(picture.axes.minutes) <= chart.MAX_COLUMNS + 1
