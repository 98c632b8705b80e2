"""A driver's sessions and cards in Chromium: on a phone and at a desk at once, live, and as paper."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from polaris.domain.enums import CardStatus
from polaris.models import EvCard, blocking
from tests.support.cast import add_person
from tests.system.world import World

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1200, "height": 900}


def two_devices(world: World, path: str) -> tuple[Page, Page]:
    """Ada's phone and her desk's browser, both at a page."""
    pages = tuple(world.sign_in(world.cast.ada, viewport=size) for size in (PHONE, DESK))
    for page in pages:
        page.goto(path)
        expect(page.locator("#stream")).to_have_attribute("data-status", "live")
        page.evaluate("window.hasStayed = true")
    return pages[0], pages[1]


@blocking
def unblock(id_tag: str) -> None:
    """Undo what is done for good: the world is shared."""
    EvCard.update(status=CardStatus.ACTIVE, lost_at=None, name="").where(EvCard.id_tag == id_tag).execute()


@pytest.fixture
def card(world: World):
    yield world.cast.ada.id_tag
    unblock(world.cast.ada.id_tag)


def test_sessions_follow_on_both_devices(world: World) -> None:
    phone, desk = two_devices(world, "/sessions?status=active")
    number = world.charger.start(world.cast.ada.id_tag)
    for page in (phone, desk):
        expect(page.locator(f"#session-{number}-row")).to_be_visible()
        expect(page.locator("#session-strip").get_by_role("link", name="1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    world.charger.deliver(2200, power_w=7000)
    expect(phone.locator(f"#session-{number}-row")).to_contain_text("2.20")
    world.charger.end()
    for page in (phone, desk):
        expect(page.locator(f"#session-{number}-row")).to_have_count(0)
        assert page.evaluate("window.hasStayed === true")
    phone.get_by_label("Status").select_option("Completed")
    phone.get_by_role("button", name="Show").click()
    expect(phone.get_by_role("main")).to_contain_text(re.compile(r"\d+ sessions? match"))
    with phone.expect_download() as download:
        phone.get_by_role("link", name="Download as CSV").click()
    assert f"\n{number}," in download.value.path().read_text("utf-8-sig")
    phone.locator(f"#session-{number}-row").get_by_role("link").click()
    phone.get_by_role("link", name="Receipt").click()
    expect(phone.get_by_role("article")).to_contain_text("2.200 kWh")
    expect(phone.get_by_role("article")).to_contain_text("Total")
    phone.emulate_media(media="print")
    expect(phone.get_by_role("navigation", name="Main")).to_be_hidden()
    assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_lost_card_stops_its_session_on_both_devices(world: World, card: str) -> None:
    phone, desk = two_devices(world, "/cards")
    number = world.charger.start(card)
    for page in (phone, desk):
        expect(page.locator(f"#session-{number}-stop-button")).to_contain_text("Stop charging")
    world.commands_arrive()
    phone.get_by_role("link", name=re.compile("Report card .* lost")).click()
    expect(phone.get_by_role("main")).to_contain_text(
        f"The card stops working now, and session #{number}, started with it, is asked to stop."
    )
    phone.get_by_role("button", name="Report lost").click()
    for page in (phone, desk):
        expect(page.locator("#own-cards")).to_contain_text("Reported lost")
        expect(page.locator(f"#session-{number}-stop-button")).to_have_count(0)  # it has ended
    assert desk.evaluate("window.hasStayed === true")
    assert world.charger.tap(card) == "Blocked"
    olga = world.sign_in(world.cast.olga)
    olga.goto("/attention")
    expect(olga.get_by_role("main")).to_contain_text(f"{world.cast.ada.email} reported it lost")


def test_tapped_card_is_added_on_the_phone(world: World) -> None:
    person = add_person(f"carla-{world.cast.depot_7.id}@example.com")
    page = world.sign_in(person, viewport=PHONE)
    page.goto("/sessions")
    page.get_by_role("main").get_by_role("link", name="Cards").click()
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    expect(page.locator("#own-cards")).to_contain_text("Your first card comes from the operator")
    id_tag = f"04E5{world.cast.depot_7.id:04}"
    assert world.charger.tap(id_tag) == "Invalid"
    tap = page.locator("#own-taps li").filter(has_text=id_tag[-4:])
    expect(tap).to_contain_text("Tapped at Depot 7")
    tap.get_by_role("link").click()
    page.get_by_role("button", name="Add the card").click()
    expect(page.locator("#own-cards")).to_contain_text("Not used yet.")
    page.get_by_role("link", name=re.compile("Rename")).click()
    page.get_by_label("Name").fill("My van")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="My van")).to_be_visible()
    assert world.charger.tap(id_tag) == "Accepted"
