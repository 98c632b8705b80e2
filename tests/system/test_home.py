"""A driver's first page in Chromium, on a phone's width and a desktop's, with two devices of one driver."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, Position, expect

from polaris.models import ChargingSession, MeterReading
from simulator.charger import OnRemoteStop
from tests.support.cast import now
from tests.support.wait import eventually
from tests.system.world import World, posted

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1200, "height": 900}}
DEVICES = [pytest.param(PHONE, id="phone"), pytest.param(DESKTOP, id="desktop")]


@pytest.fixture
def world(own_world: World) -> World:
    """A Polaris of its own: the page lists a site's chargers, and the driver's last sessions."""
    return own_world


def open_home(world: World, **options) -> Page:
    page = world.sign_in(world.cast.ada, **options)
    for topic in page.locator("[data-address]").all():
        expect(topic).to_have_attribute("data-status", "live")
    page.evaluate("window.hasStayed = true")
    return page


def stop_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Stop charging")


@pytest.mark.parametrize("device", DEVICES)
def test_session_comes_moves_and_is_stopped_on_both_devices(world: World, device: dict) -> None:
    first, second = open_home(world, **device), open_home(world, **DESKTOP)
    for page in (first, second):
        expect(page.get_by_role("main")).to_contain_text("No sessions yet")
    number = world.charger.start(world.cast.ada.id_tag)
    for page in (first, second):
        expect(stop_button(page)).to_be_visible()
    world.charger.deliver(1500)
    for page in (first, second):
        expect(page.locator(f"#session-{number}-banner")).to_contain_text("1.50 kWh")
    world.charger.obey(OnRemoteStop.ACCEPT_SILENT)
    world.commands_arrive()
    stop_button(first).click()
    for page in (first, second):
        expect(page.locator(f"#session-{number}-stop")).to_contain_text("the charger accepted")
    world.charger.end(reason="Remote")
    for page in (first, second):
        expect(page.locator(f"#session-{number}-row")).to_contain_text("1.50 kWh")
        expect(page.locator("#home-running")).to_be_hidden()
        expect(page.locator("#home-bars")).to_contain_text("1.50 kWh")
        assert page.evaluate("window.hasStayed")


@pytest.mark.parametrize("device", DEVICES)
def test_bars_are_chosen_in_the_address_and_have_a_table(world: World, device: dict) -> None:
    world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(1500)
    world.charger.end()
    page = open_home(world, **device)
    expect(page.get_by_role("img", name="Energy in kWh: at most 1.5.")).to_be_visible()
    page.get_by_role("link", name="Months").click()
    expect(page).to_have_url(re.compile(r"by=month"))
    expect(page.get_by_role("main")).to_contain_text("The last 12 months")
    page.get_by_text("Show as a table").click()
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("table")).to_contain_text("1.50")


def test_chargers_follow_their_states(world: World) -> None:
    page = open_home(world, **PHONE)
    places = page.locator("#home-chargers")
    world.charger.status("Available")
    expect(places).to_contain_text("Free")
    world.charger.fault(1, "GroundFailure")
    expect(places).to_contain_text("Out of order")
    expect(places).not_to_contain_text("GroundFailure")
    world.charger.status("Available")
    places.get_by_role("link", name="Start at Depot 7, connector 1").click()
    expect(page).to_have_url(re.compile(r"/start/depot-7/1$"))


@pytest.mark.parametrize("width", [320, 360])
@pytest.mark.parametrize("path", ["/", "/sessions", "/account"])
def test_four_links_below_on_a_phone(world: World, width: int, path: str) -> None:
    page = world.sign_in(world.cast.ada, viewport={"width": width, "height": 640})
    page.goto(path)
    links = page.get_by_role("navigation", name="Main").get_by_role("link")
    expect(links).to_have_text(["Home", "Sessions", "Cards", "Account"])
    for link in links.all():
        expect(link).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_without_javascript_the_page_is_true_and_stops(world: World) -> None:
    world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(1500)
    page = world.sign_in(world.cast.ada, java_script_enabled=False)
    expect(page.get_by_role("main")).to_contain_text("1.50 kWh")
    world.commands_arrive()
    posted(page, stop_button(page))
    expect(page).to_have_url(re.compile(r"/$"))
    eventually(lambda: page.goto("/") and "1.50 kWh" in page.locator("#home-recent").inner_text())


def on_curve(world: World, **options) -> tuple[Page, Locator, Locator]:
    """A session with a reading at each of four minutes, its page, the slider over its curve, and the words below."""
    number = world.charger.start(world.cast.ada.id_tag)
    for energy_wh in (100, 200, 300, 400):
        world.charger.deliver(energy_wh)
    began_at = now() - timedelta(minutes=4)
    ChargingSession.update(started_at=began_at).where(ChargingSession.number == number).execute()
    for minute, reading in enumerate(MeterReading.select().order_by(MeterReading.id), start=1):
        at = began_at + timedelta(minutes=minute)
        MeterReading.update(sampled_at=at).where(MeterReading.id == reading.id).execute()
    shown = world.watch(world.cast.ada, number, **options)
    slider = shown.page.get_by_role("slider", name="Readings, one by one")
    expect(slider).to_be_visible()
    shown.shows("0.40", noun="live")
    return shown.page, slider, shown.page.locator(".curve-words")


def test_curve_by_keyboard(world: World) -> None:
    page, slider, words = on_curve(world)
    slider.focus()
    expect(words).to_contain_text("0.40 kWh")
    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("0.30 kWh, .* kW"))
    page.keyboard.press("Home")
    expect(words).to_contain_text("0.10 kWh")
    page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("0.20 kWh")
    world.charger.deliver(500)  # the curve grows below: what is read stays
    expect(slider).to_have_attribute("aria-valuemax", "4")
    expect(words).to_contain_text("0.20 kWh")
    expect(slider).to_be_focused()
    page.keyboard.press("End")
    expect(words).to_contain_text("0.50 kWh")
    world.charger.deliver(600)  # at the newest reading, the words follow
    expect(words).to_contain_text("0.60 kWh")
    page.keyboard.press("Shift+Tab")
    expect(words).to_be_empty()


def across(slider: Locator, share: float) -> Position:
    box = slider.bounding_box()
    assert box is not None
    return {"x": box["width"] * share, "y": 10}


def test_curve_by_mouse(world: World) -> None:
    page, slider, words = on_curve(world)
    for share, kwh in ((0.2, "0.10 kWh"), (0.55, "0.20 kWh"), (0.95, "0.40 kWh")):
        slider.hover(position=across(slider, share))
        expect(words).to_contain_text(kwh)
    page.mouse.move(0, 0)
    expect(words).to_be_empty()


def test_curve_by_touch(world: World) -> None:
    _, slider, words = on_curve(world, **PHONE)
    for share, kwh in ((0.2, "0.10 kWh"), (0.55, "0.20 kWh"), (0.95, "0.40 kWh")):
        slider.tap(position=across(slider, share))
        expect(words).to_contain_text(kwh)
