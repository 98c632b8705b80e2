"""The main job on both databases: a driver stops a running session, and others watch."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from simulator.charger import OnRemoteStop
from tests.system.world import World

pytestmark = pytest.mark.both_databases


@pytest.fixture
def world(own_world: World) -> World:
    """A Polaris on each database."""
    return own_world


@pytest.mark.settings(STOP_ANSWER_S="60")
def test_driver_stops_session_while_two_watch(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    ada, olga = world.watch(world.cast.ada, number), world.watch(world.cast.olga, number)
    second = world.watch(world.cast.ada, number)
    world.charger.deliver(4200, power_w=10_900, soc_percent=61)
    for page in (ada, second, olga):
        page.shows("4.20", noun="live")
        page.shows("10.9", noun="live")
        page.shows("61", noun="live")
        page.shows("In progress", noun="header")
    world.charger.obey(OnRemoteStop.LATE)
    ada.stop()
    for page in (ada, second, olga):
        page.shows("sent to the charger", noun="stop")
        expect(page.button).to_be_disabled()
    world.charger.answer_late()
    for page in (ada, second, olga):
        page.is_completed()
        page.shows("4.20", noun="live")
        assert page.has_stayed()
    assert world.charger.stops() == 1
