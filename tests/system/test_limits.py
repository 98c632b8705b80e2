"""A session stops by itself at its limit: on a phone and a desk at once, changed, removed, and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from simulator.charger import OnRemoteStop
from tests.system.world import World, posted

pytestmark = pytest.mark.both_databases

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1200, "height": 900}


@pytest.fixture
def world(own_world: World) -> World:
    """A Polaris on each database."""
    return own_world


def set_limit(page: Page, value: str, unit: str = "kWh") -> None:
    """Follow the link under the stop button, fill in the form and send it."""
    page.get_by_role("link", name="limit").or_(page.get_by_role("link", name="Stop by itself at")).first.click()
    page.get_by_label("Stop by itself at").fill(value)
    page.get_by_label("Unit").select_option(unit)
    page.get_by_role("button", name="Set limit").click()


@pytest.mark.settings(STOP_ANSWER_S="60")
def test_phone_sets_it_and_every_device_follows(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    phone, desk = (world.watch(world.cast.ada, number, viewport=size) for size in (PHONE, DESK))
    olga = world.watch(world.cast.olga, number, viewport=DESK)
    set_limit(phone.page, "5")
    phone.is_live()
    for view in (phone, desk, olga):
        view.shows("Stops by itself at 5 kWh", noun="stop")
    world.charger.deliver(4200, power_w=10_900)
    for view in (phone, desk, olga):
        view.shows("4.2 of 5 kWh", noun="stop")
    expect(olga.page.get_by_role("link", name="Change or remove the limit")).to_have_count(0)
    world.charger.obey(OnRemoteStop.LATE)
    world.charger.deliver(5000, power_w=10_900)
    for view in (phone, desk, olga):
        view.shows("sent to the charger", noun="stop")
        view.shows("The limit of 5 kWh is reached.", noun="stop")
    world.charger.answer_late()
    for view in (phone, desk):
        view.is_completed()
        view.shows("Stopped at your limit: 5.00 kWh.")
        assert view.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    olga.shows("Stopped at the driver's limit: 5.00 kWh.")
    assert desk.has_stayed()
    assert world.charger.stops() == 1


@pytest.mark.settings(STOP_ANSWER_S="60")
def test_changed_and_removed_on_one_device(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    phone, desk = (world.watch(world.cast.ada, number, viewport=size) for size in (PHONE, DESK))
    set_limit(phone.page, "5")
    desk.shows("Stops by itself at 5 kWh")
    set_limit(phone.page, "8")
    desk.shows("Stops by itself at 8 kWh")
    phone.page.get_by_role("link", name="Change or remove the limit").click()
    phone.page.get_by_role("button", name="Remove the limit").click()
    desk.does_not_show("Stops by itself")
    world.charger.deliver(9000)
    desk.shows("9.00", noun="live")
    assert (world.charger.stops(), desk.has_stayed()) == (0, True)


@pytest.mark.settings(STOP_ANSWER_S="60")
def test_without_javascript(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(4200)
    view = world.watch(world.cast.ada, number, viewport=PHONE, java_script_enabled=False)
    page = view.page
    page.get_by_role("link", name="Stop by itself at").click()
    page.get_by_label("Stop by itself at").fill("4")
    assert posted(page, page.get_by_role("button", name="Set limit")).status == 422
    expect(page.get_by_role("alert")).to_contain_text("This session has come to that already. Stop it now?")
    assert world.charger.stops() == 0
    assert posted(page, page.get_by_role("button", name="Stop charging")).status == 303
    view.shows("Stopped at your limit: 4.20 kWh.")
    assert world.charger.stops() == 1
