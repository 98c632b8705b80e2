"""A running session's page over its stream: small pushes, after which it shows what a page opened now would show."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
from flask import Flask
from msgspec.structs import replace

from polaris import models
from polaris.domain.behaviour import Cable
from polaris.domain.data_quality import Note
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.limit import Limit, LimitKind
from polaris.domain.viewer import Viewer
from polaris.ingest import Ingest
from polaris.models import MeterReading
from polaris.push.hub import Hub
from polaris.push.topic import WHOLE, RenderSettings
from polaris.rendering.fragments import Deferred
from polaris.web.sessions import pushed
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions.kept import Readings, Timeline
from polaris.web.sessions.limit import LimitView
from polaris.web.sessions.stop import Stop, StopPhase
from polaris.web.sessions.topic import REREAD_AFTER_EACH, SessionTopic
from polaris.web.sessions.view import SessionView
from tests.support.cast import Cast, now
from tests.support.charging import Charging
from tests.support.pages import PARTIAL, Open, StreamClient, direct
from tests.support.swapping import element
from tests.support.wait import eventually

pytestmark = pytest.mark.both_databases
over_a_stream = pytest.mark.parametrize("open_", [direct], indirect=True)

DRIVER = Viewer(Role.DRIVER, AccountStatus.ACTIVE)
# What a screen reader says of the picture, which is as old as the picture.
TICKED = re.compile(r'aria-label="[^"]*"')
# What ticks, too.
TICKING = re.compile(r' data-revision="\d+"|<b data-elapsed.*?</b>|aria-label="[^"]*"')


def opened_now(app: Flask, hub: Hub, number: int) -> dict[str, str]:
    with app.test_request_context():
        return dict(PARTIAL.findall(hub.snapshot(SessionTopic(number), DRIVER)))


def is_as_opened_now(app: Flask, hub: Hub, page: StreamClient, number: int) -> bool:
    page.take_all()
    fresh = opened_now(app, hub, number)
    for root_id, html in fresh.items():
        assert TICKING.sub("", page.shown.get(root_id, "")) == TICKING.sub("", html), root_id
    return bool(fresh)


@over_a_stream
def test_page_shows_what_one_opened_now_would(
    app: Flask, hub: Hub, open_: Open, people: Cast, charging: Charging, ingest: Ingest
) -> None:
    number = charging.start(people.ada.id_tag)
    began = now()

    def readings(first: int, count: int) -> Callable[[], None]:
        def come() -> None:
            for place in range(first, first + count):
                charging.meter(number, 1000 + 10 * place, power_w=7000 + place)

        return come

    def late() -> None:
        charging.meter(number, 1001, at=began + timedelta(milliseconds=1), power_w=1)

    steps: list[Callable[[], object]] = [
        *(readings(place, 1) for place in range(1, 4)),
        readings(4, 15),
        *(readings(place, 1) for place in range(19, 25)),
        lambda: charging.status("SuspendedEV"),
        readings(25, 1),
        late,
        readings(26, 30),
        lambda: ingest.request_stop(number, people.ada.id, now()),
        readings(56, 1),
        lambda: charging.meter(number, 900),
        readings(57, 1),
        lambda: charging.end(number, 30_000),
    ]
    with closing(open_(SessionTopic(number), people.ada)) as page:
        for step in steps:
            step()
            eventually(lambda: is_as_opened_now(app, hub, page, number))
        with closing(open_(SessionTopic(number), people.ada)) as newcomer:
            eventually(lambda: is_as_opened_now(app, hub, newcomer, number))


@over_a_stream
def test_reading_brings_its_row(app: Flask, hub: Hub, open_: Open, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    for place in range(30):
        charging.meter(number, 1000 + 50 * place, power_w=7000)
    with closing(open_(SessionTopic(number), people.ada)) as page:
        eventually(lambda: is_as_opened_now(app, hub, page, number))
        page.everything.clear()
        charging.meter(number, 2600, power_w=7000)
        eventually(lambda: is_as_opened_now(app, hub, page, number))
        sent = {re.search(r'id="session-\d+-(\w+)"', html)[1]: html for html in page.everything}  # type: ignore[index]
        assert sent.keys() == {"figures", "readings", "recent"}
        assert sent["readings"].count("<tr") == 1
        assert sum(map(len, sent.values())) < 2500


@over_a_stream
def test_late_reading_brings_every_row(app: Flask, hub: Hub, open_: Open, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    for place in range(3):
        charging.meter(number, 1000 + 50 * place)
    began = now()
    charging.meter(number, 2000)
    with closing(open_(SessionTopic(number), people.ada)) as page:
        assert page.shows("1.00", in_="timeline")
        page.everything.clear()
        charging.meter(number, 1500, at=began)
        assert page.shows("0.50", in_="timeline")
        (timeline,) = [html for html in page.everything if 'class="timeline__table"' in html]
        assert timeline.count("<tr") == 6


@over_a_stream
def test_what_is_no_reading_brings_everything(
    app: Flask, hub: Hub, open_: Open, people: Cast, charging: Charging, ingest: Ingest
) -> None:
    """So that no answer to a click that overtakes the stream stays, even if what it shows is over at once."""
    number = charging.start(people.ada.id_tag)
    charging.meter(number, 1500)
    with closing(open_(SessionTopic(number), people.ada)) as page:
        assert page.shows("0.50", in_="live")
        page.everything.clear()
        charging.status("SuspendedEV")
        assert page.shows("No power is flowing", in_="live")
        revision = re.search(r'data-revision="(\d+)"', page.shown[f"session-{number}-live"])
        for noun in ("header", "stop", "curve", "timeline"):
            assert revision is not None
            assert revision[0] in page.shown[f"session-{number}-{noun}"]


def test_lost_notification_of_earlier_readings(people: Cast, charging: Charging) -> None:
    """They are all read again, after a time that grows with their number."""
    number = charging.start(people.ada.id_tag)
    for place in range(10):
        charging.meter(number, 1000 + place)
    topic, read_at, settings = SessionTopic(number), now(), RenderSettings("", timedelta(seconds=150))

    def energies(at: timedelta) -> set[int | None]:
        view = topic.read(frozenset({WHOLE}), read_at + at, settings).value
        return {point.energy_wh for point in view.timeline}  # type: ignore[attr-defined]

    energies(timedelta())
    with models.database.connection_context():
        MeterReading.update(energy_wh=5).execute()
    assert energies(9 * REREAD_AFTER_EACH) != {5}
    assert energies(10 * REREAD_AFTER_EACH) == {5}


# Of each field another value, or several: all that a page shows of it has to be in a mark.
OTHERS: dict[str, tuple[object, ...]] = {
    "number": (), "revision": (), "changes_at": (), "last_reading_at": (now(),), "silent_s": (500,),
    "state": (), "ended_at": (), "average_power_w": (1,), "stop_reason": ("Remote",), "stopped_by": (),
    "corrections": (), "signatures": (), "is_plugged_in": (True,), "receipt": (), "cable": (Cable.HOLDS,),
    "charger_name": ("Bay <7>",), "charger_identity": ("bay-7",), "connector": (2,),
    "started_at": (now() - timedelta(days=2),), "elapsed_s": (1234,), "energy_wh": (None, 0, 4711),
    "charger_wh": (None, 4711), "power_w": (None, 1), "soc_percent": (None, 7, 130), "cost": (None,),
    "paused_by": ("SuspendedEV", "SuspendedEVSE"), "is_awaiting_end": (True,), "is_online": (False,),
    "is_stale": (True,), "stop": tuple(Stop(phase) for phase in StopPhase), "readings": (Readings(),),
    "notes": tuple((note,) for note in Note), "refusal": ("Blocked",), "is_idle_refusal": (True,), "price": (None,),
    "limit": (LimitView(Limit(LimitKind.ENERGY, 20_000), "EUR", 1500, None, None),),
}  # fmt: skip


def test_marks_have_all_that_is_shown(app: Flask, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    for energy_wh in (1500, 1600):
        charging.meter(number, energy_wh, power_w=7000, soc_percent=40)
    running = session_queries.session_view(number, now(), timedelta(seconds=150))
    assert running is not None
    bases = [running, *(replace(running, **{name: True}) for name in ("is_stale", "is_idle_refusal"))]
    bases += [replace(running, notes=(note,)) for note in (Note.SET_BY_OPERATOR, Note.POWER_EXCEEDED)]
    bases += [replace(base, energy_wh=None) for base in bases] + [replace(base, refusal="Invalid") for base in bases]
    assert OTHERS.keys() == set(SessionView.__struct_fields__)
    for base in bases:
        for name, values in OTHERS.items():
            for value in values:
                differs_where_shown(app, base, replace(base, **{name: value}))


def differs_where_shown(app: Flask, one: SessionView, other: SessionView) -> None:
    """A mark may differ without need, and has to if a page would look different."""

    def shown(view: SessionView) -> dict[str, Deferred | str]:
        return {**pushed.common(view, Timeline()), **pushed.stop(view, DRIVER, "")}

    with app.test_request_context():
        for (root_id, before), after in zip(shown(one).items(), shown(other).values(), strict=True):
            assert isinstance(before, Deferred)
            assert isinstance(after, Deferred)
            if before.mark != after.mark:
                continue
            assert before.parts.keys() == after.parts.keys()
            around = str(before), str(after)
            for name, part in before.parts.items():
                around = around[0].replace(str(part), name), around[1].replace(str(after.parts[name]), name)
                if part.mark == after.parts[name].mark:
                    assert TICKED.sub("", str(part)) == TICKED.sub("", str(after.parts[name])), name
            assert around[0] == around[1], root_id


def test_part_is_inside_its_whole(app: Flask, hub: Hub, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    charging.meter(number, 1500, power_w=7000)
    charging.meter(number, 1600, power_w=7000)
    wholes = opened_now(app, hub, number)
    for whole, part in (("live", "figures"), ("timeline", "readings"), ("curve", "past"), ("curve", "recent")):
        assert element(wholes[f"session-{number}-{whole}"], f"session-{number}-{part}")
