"""The operator's fleet in Chromium: what goes wrong appears by itself, and what is typed and focused stays."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from polaris import administration, models
from polaris.domain.enums import AccountStatus, Role
from polaris.models import Account, Charger
from polaris.pubsub import Publisher
from tests.support.cast import ACTOR, now
from tests.system.world import World


@pytest.fixture
def world(own_world: World) -> World:
    """A Polaris without other chargers: the page counts them."""
    return own_world


def open_fleet(world: World, query: str = "", **options) -> Page:
    page = world.sign_in(world.cast.olga, **options)
    page.goto(f"/fleet{query}")
    if options.get("java_script_enabled", True):
        expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    page.evaluate("window.hasStayed = true")
    return page


def row(world: World, page: Page, connector: int = 1) -> Locator:
    return page.locator(f"#connector-{world.cast.depot_7.id}-{connector}")


def figure(page: Page, label: str) -> Locator:
    return page.locator(".strip__figure").filter(has_text=label).locator("b")


def add_chargers(count: int) -> None:
    with models.database.connection_context():
        for number in range(1, count + 1):
            Charger.create(identity=f"bay-{number}", name=f"Bay {number}", site=1, key_hash="", key_version=1)


def test_fault_appears_on_top(world: World) -> None:
    add_chargers(3)
    world.charger.status("Available")
    page = open_fleet(world)
    expect(row(world, page)).to_contain_text("Free")
    world.charger.fault(1, "GroundFailure")
    expect(page.locator("tbody tr").first).to_contain_text("GroundFailure")
    expect(row(world, page)).to_contain_text("Out of order")
    expect(figure(page, "Faulted")).to_have_text("1")
    world.charger.status("Available")
    expect(figure(page, "Faulted")).to_have_text("0")
    assert page.evaluate("window.hasStayed")


@pytest.mark.settings(LEASE_S="4")
def test_offline_appears_by_disconnect_and_lease(world: World) -> None:
    world.charger.status("Available")
    page = open_fleet(world)
    expect(row(world, page)).to_contain_text("Online")
    world.charger.disconnect()
    expect(row(world, page)).to_contain_text("Offline")
    world.charger.connect()
    expect(row(world, page)).to_contain_text("Online")
    world.bridge.kill()
    expect(row(world, page)).to_contain_text("Offline")
    expect(figure(page, "Offline")).to_have_text("1")
    assert page.evaluate("window.hasStayed")


def test_session_runs_through_page(world: World) -> None:
    page = open_fleet(world)
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(2500, power_w=7200)
    for text in (f"#{number}", "ada@example.com", "7.2", "2.50", "Charging"):
        expect(row(world, page)).to_contain_text(text)
    expect(figure(page, "Power now")).to_have_text("7.2")
    expect(figure(page, "Energy since midnight")).to_have_text("2.50")
    row(world, page).get_by_role("link", name=f"#{number}").click()
    page.wait_for_url(f"**/sessions/{number}")


def test_filter_in_url_and_stream(world: World) -> None:
    add_chargers(3)
    world.charger.status("Available")
    page = open_fleet(world)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    search = page.get_by_label("Search")
    search.press_sequentially("bay", delay=20)
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(search).to_be_focused()
    expect(page).to_have_url(re.compile(r"/fleet\?text=bay$"))
    search.fill("depot")
    expect(row(world, page)).to_contain_text("Free")
    world.charger.status("Finishing")
    expect(row(world, page)).to_contain_text("Waiting to be unplugged")
    page.get_by_label("State").select_option("Faulted")
    expect(page.get_by_role("main")).to_contain_text("No matching chargers.")
    expect(page).to_have_url(re.compile(r"/fleet\?text=depot&state=Faulted$"))
    world.charger.fault(1, "GroundFailure")
    expect(row(world, page)).to_contain_text("GroundFailure")
    assert page.evaluate("window.hasStayed")
    page.reload()
    expect(page.get_by_label("Search")).to_have_value("depot")
    expect(page.get_by_label("State")).to_have_value("Faulted")
    expect(row(world, page)).to_contain_text("GroundFailure")
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(page).to_have_url(re.compile("/fleet$"))
    assert problems == []


def test_keyboard_focus_survives_moves(world: World) -> None:
    add_chargers(3)
    world.charger.status("Available")
    page = open_fleet(world)
    link = row(world, page).get_by_role("link", name="Depot 7")
    page.get_by_label("Search").focus()
    for _ in range(30):
        if link.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(link).to_be_focused()
    world.charger.status("Preparing")
    expect(row(world, page)).to_contain_text("Getting ready")
    expect(link).to_be_focused()
    world.charger.fault(1, "OverVoltage")  # its row goes to the top
    expect(page.locator("tbody tr").first).to_contain_text("OverVoltage")
    expect(link).to_be_focused()
    assert link.get_attribute("href") == "/fleet/depot-7"


def test_typing_survives_pushes(world: World) -> None:
    page = open_fleet(world)
    search = page.get_by_label("Search")
    search.fill("dep")
    expect(page).to_have_url(re.compile("text=dep$"))
    page.route(re.compile(r":\d+/fleet\?"), lambda route: route.abort())  # what is typed next is not answered
    search.press_sequentially("ot")
    for status in ("Available", "Preparing", "Finishing"):
        world.charger.status(status)
        expect(row(world, page)).to_contain_text(status)
    expect(search).to_have_value("depot")
    expect(search).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_smallest_screen(world: World, scheme: str) -> None:
    with models.database.connection_context():
        Charger.create(identity="a" * 48, name="Warehouse" * 6, site=1, key_hash="", key_version=1)
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(123_456, power_w=149_900)
    world.charger.fault(1, "PowerSwitchFailure", info="something-rather-long-that-a-vendor-has-to-say-now")
    page = open_fleet(world, viewport={"width": 320, "height": 640}, color_scheme=scheme)
    expect(row(world, page)).to_contain_text(f"#{number}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_without_javascript(world: World) -> None:
    add_chargers(2)
    world.charger.fault(1, "GroundFailure")
    page = world.sign_in(world.cast.olga, java_script_enabled=False)
    page.get_by_role("link", name="Fleet", exact=True).click()
    expect(page.locator("tbody tr").first).to_contain_text("GroundFailure")
    page.get_by_label("Search").fill("bay")
    page.get_by_label("Connection").select_option("offline")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_label("Search")).to_have_value("bay")
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_charger_html_escaped(world: World) -> None:
    page = open_fleet(world)
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    world.charger.fault(1, "OtherError", info="<img src=x onerror=alert(1)>")
    expect(row(world, page)).to_contain_text("<img src=x onerror=alert(1)>")
    assert said == []


def test_demoted_operator_shown_out(world: World) -> None:
    page = open_fleet(world)
    with models.database.connection_context():
        Account.update(role=Role.DRIVER).where(Account.id == world.cast.olga.id).execute()
    publisher = Publisher(world.config.redis_url)
    administration.set_account_status(publisher, world.cast.olga.email, AccountStatus.ACTIVE, actor=ACTOR, now=now())
    publisher.close()
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    expect(page.get_by_role("link", name="Fleet")).to_have_count(0)


def test_sentence_about_a_filter_stands_above_its_fields(world: World) -> None:
    page = world.sign_in(world.cast.olga)
    page.goto("/fleet?site=Nowhere")
    form, notice = page.locator("#fleet-filter").bounding_box(), page.locator("#fleet-filter .notice").bounding_box()
    assert form is not None
    assert notice is not None
    assert notice["width"] == form["width"]
