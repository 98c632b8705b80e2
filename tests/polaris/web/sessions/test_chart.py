"""The geometry of a session's picture."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.instants import to_microseconds
from polaris.web.sessions import chart
from polaris.web.sessions.trace import Trace, Values

STARTED_AT = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)


def page(*readings):
    """A page with readings of (minute, Wh, W); the curve reads nothing else of it."""
    values = [Values(to_microseconds(STARTED_AT + timedelta(minutes=m)), wh, w) for m, wh, w in readings]
    return SimpleNamespace(started_at=STARTED_AT, curve=Trace().grown(values))


def test_one_reading_draws_nothing():
    assert chart.draw(page()) is None
    assert chart.draw(page((0, 0, 0))) is None
    assert chart.draw(page((0, None, None), (1, None, None), (2, 5, 5))) is None


def test_energy_area_and_power_line():
    picture = chart.draw(page((0, 0, 22_000), (5, 2_000, 22_000), (10, 4_000, 11_000)))
    assert picture.axes.minutes == (0, 2, 4, 6, 8, 10)
    assert picture.axes.kwh == (0, 1, 2, 3, 4)
    assert picture.axes.kw == (0, 6, 12, 18, 24)
    assert picture.recent.energy_line == "M0 2000 3000 1000 6000 0"
    assert picture.recent.energy_area == "M0 2000 3000 1000 6000 0 6000 2000 0 2000Z"
    assert picture.recent.power_line == "M0 167 3000 167 6000 1083"
    assert picture.peak_power_w == 22_000


def test_energy_without_power():
    picture = chart.draw(page((0, 0, None), (3, 500, None)))
    assert (picture.recent.power_line, picture.peak_power_w) == ("", None)


def test_readings_before_start_clamped():
    assert chart.draw(page((-2, 0, 0), (1, 1, 1))).recent.energy_line.startswith("M0 ")


def test_frame_steady_while_growing():
    first = chart.draw(page((0, 0, 7_000), (21, 2_100, 7_000)))
    later = chart.draw(page((0, 0, 7_000), (24, 2_300, 7_000)))
    assert first.axes.minutes == later.axes.minutes == (0, 5, 10, 15, 20, 25)
    assert first.axes.kwh == later.axes.kwh


def test_past_stays_while_recent_grows():
    def drawn(count):
        return chart.draw(page(*((minute / 10, minute * 10, 7_000) for minute in range(count)), (20, 2_000, 7_000)))

    assert drawn(10).past.energy_line == ""
    assert drawn(25).past_mark == drawn(30).past_mark != drawn(45).past_mark
    assert drawn(25).past == drawn(30).past
    for count in (21, 22, 40, 41, 150):
        past, recent = drawn(count).past, drawn(count).recent
        assert past.power_line.split()[-2:] == recent.power_line.removeprefix("M").split()[:2]
        assert len(recent.power_line.split()) <= 2 * (chart.RECENT + 2)


def test_no_gap_between_past_and_recent():
    readings = [(minute, minute * 100, None if 15 < minute < 25 else 7_000) for minute in range(30)]
    picture = chart.draw(page(*readings))
    assert picture.past.power_line.split()[-2:] == picture.recent.power_line.removeprefix("M").split()[:2]
    assert picture.past.energy_line.split()[-2:] == picture.recent.energy_line.removeprefix("M").split()[:2]


def test_rebuilt_past_is_drawn_again():
    earlier, now = (chart.draw(page(*((minute, wh, 0) for minute in range(30)))) for wh in (990, 1000))
    assert earlier.axes == now.axes
    assert earlier.past_mark != now.past_mark


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
    lines = [path for part in (picture.past, picture.recent) for path in (part.energy_area, part.power_line)]
    numbers = " ".join(lines).replace("M", "").replace("Z", "").split()
    assert all(0 <= float(x) <= chart.WIDTH for x in numbers[::2])
    assert all(0 <= float(y) <= chart.HEIGHT for y in numbers[1::2])
    assert len(picture.axes.minutes) <= chart.MAX_COLUMNS + 1
