"""Prices by time of day in Chromium: an operator sets them by the keyboard alone, and a driver reads what they mean."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from polaris.domain.window_text import DAYS
from polaris.models import Tariff
from tests.system.world import World

MAX_TABS = 60
# The price changes at each midnight, whichever day it is.
WINDOWS = "\n".join(f"{day} 00:00-24:00 0.1{index} per kWh" for index, day in enumerate(DAYS, start=1))


def tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"the Tab key does not lead to {wanted}")


def type_into(page: Page, name: str, text: str) -> None:
    tab_to(page, page.get_by_role("main").locator(f"[name={name}]"))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)


def press(page: Page, button: str) -> None:
    tab_to(page, page.get_by_role("main").get_by_role("button", name=button, exact=True))
    page.keyboard.press("Enter")


@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_prices_by_time_of_day(own_world: World, java_script_enabled: bool) -> None:
    world = own_world
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(10_000)
    world.charger.end()
    versions = Tariff.select().count()
    page = world.sign_in(world.cast.olga, java_script_enabled=java_script_enabled)

    page.goto("/tariffs/new?site=Main")
    typed = {"per_kwh": "0.50", "per_session": "0.35", "windows": WINDOWS}
    typed |= {"idle_per_minute": "0.10", "idle_grace_min": "15", "tax": "0"}
    for name, text in typed.items():
        type_into(page, name, text)
    press(page, "Preview")
    row = page.get_by_role("row").filter(has_text=f"#{number}")
    expect(row).to_contain_text("€4.80")
    expect(row).to_contain_text(re.compile(r"€1\.[4-9]5|€2\.05"))  # by the day of the week
    expect(page.get_by_role("main")).to_contain_text("Mon 00:00–24:00: €0.11 per kWh")
    assert Tariff.select().count() == versions
    if java_script_enabled:
        page.go_back()
        expect(page.locator("[name=windows]")).to_have_value(WINDOWS)
        expect(page.locator("[name=per_kwh]")).to_have_value("0.50")
        page.go_forward()
    press(page, "Save these prices")
    expect(page.get_by_role("status").first).to_contain_text("Mon 00:00–24:00: €0.11 per kWh")
    assert (Tariff.select().count(), page.url.endswith("/tariffs")) == (versions + 1, True)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("In force already")


def test_driver_reads_what_holds_and_what_it_cost(own_world: World) -> None:
    world = own_world
    page = world.sign_in(world.cast.olga)
    page.goto("/tariffs/new?site=Main")
    typed = {"per_session": "0.35", "windows": WINDOWS, "idle_per_minute": "0.10", "idle_grace_min": "15", "tax": "0"}
    for name, text in typed.items():
        page.get_by_role("main").locator(f"[name={name}]").fill(text)
    for button in ("Preview", "Save these prices"):
        page.get_by_role("main").get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("From now on")
    session = world.watch(world.cast.ada, world.charger.start(world.cast.ada.id_tag))

    world.charger.deliver(5000)
    expect(session.fragment("live")).to_contain_text(
        re.compile(r"Now €0.1\d per kWh. From .* on €0.1\d per kWh instead.")
    )
    session.shows("from 15 min after charging on €0.10 per minute more", noun="live")
    world.charger.status("SuspendedEV")
    session.shows("on, €0.10 per minute is added to the other prices.", noun="live")
    session.shows("Charging is over. From", noun="live")
    world.charger.end()
    session.shows("What it cost", noun="live")
    session.shows("5.000 kWh", noun="live")
    session.shows("Session fee", noun="live")
    session.shows("€0.35", noun="live")
    assert session.has_stayed()
