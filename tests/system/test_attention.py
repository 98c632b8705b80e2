"""What needs a person in Chromium: it appears on the open page and in the sidebars of others, and goes by itself."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.support.cast import Person
from tests.system.world import World


@pytest.fixture
def world(own_world: World) -> World:
    """A Polaris without other chargers: the sidebar counts what needs a person."""
    return own_world


def knock(world: World, identity: str) -> None:
    """Ask to connect as a charger that nobody knows."""
    url = f"ws://127.0.0.1:{world.config.ocpp_port}/ocpp/{identity}"
    with pytest.raises(InvalidStatus):
        connect(url, subprotocols=[Subprotocol("ocpp1.6")])


def open_page(world: World, person: Person, path: str, **options: bool) -> Page:
    page = world.sign_in(person, **options)
    page.goto(path)
    expect(page.locator("[data-address]").first).to_have_attribute("data-status", "live")
    page.evaluate("window.hasStayed = true")
    return page


def count(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Main").locator("#attention-count")


def test_unknown_charger_knocks(world: World) -> None:
    """The list and the sidebars of other pages show it, of the same browser and of another, without a reload."""
    attention = open_page(world, world.cast.olga, "/attention")
    fleet = attention.context.new_page()
    fleet.goto("/fleet")
    account = open_page(world, world.cast.olga, "/account", has_worker=False)
    expect(attention.get_by_role("main")).to_contain_text("Nothing needs you.")
    for page in (fleet, account):
        expect(count(page)).to_be_hidden()

    knock(world, "depot-9")

    for page in (attention, fleet, account):
        page.bring_to_front()
        expect(count(page)).to_have_text("1")
    attention.bring_to_front()
    expect(attention.locator("#attention-refused")).to_contain_text("asked for /ocpp/depot-9 from 127.0.0.1")
    assert attention.evaluate("window.hasStayed")
    assert account.evaluate("window.hasStayed")


def test_fault_acknowledged_and_taken_up(world: World) -> None:
    world.charger.fault(1, "GroundFailure", "residual current")
    page = open_page(world, world.cast.olga, "/attention")
    other = open_page(world, world.cast.olga, "/attention")
    page.get_by_role("link", name="Acknowledge").click()
    page.get_by_label("for 8 hours").check()
    page.get_by_label("Note for other operators").fill("A part is ordered")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("main")).to_contain_text("Nothing needs you.")
    expect(other.locator("#attention-acknowledged")).to_contain_text("A part is ordered")
    expect(count(other)).to_be_hidden()
    other.get_by_role("button", name="Take up again").click()
    expect(page.locator("#attention-fault")).to_contain_text("residual current")
    world.charger.status("Available")
    expect(page.get_by_role("main")).to_contain_text("Nothing needs you.")
    expect(count(page)).to_be_hidden()


def test_without_javascript(world: World) -> None:
    world.charger.fault(1, "GroundFailure")
    page = world.sign_in(world.cast.olga, java_script_enabled=False)
    page.goto("/attention")
    expect(count(page)).to_have_text("1")
    page.get_by_role("link", name="Acknowledge").click()
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("main")).to_contain_text("Nothing needs you.")
    page.get_by_role("button", name="Take up again").click()
    expect(count(page)).to_have_text("1")


def is_stream(url: str) -> bool:
    """Whether a request is for a stream, and no poll of a page whose stream is slow to begin."""
    return "/live/" in url and "once" not in url


def test_stream_is_one(world: World) -> None:
    """The count costs no stream of its own: each that the page opens, perhaps again, has both topics."""
    page = world.sign_in(world.cast.olga, has_worker=False)
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if is_stream(request.url) else None)
    page.goto("/fleet")
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    assert {url.count("topic=") for url in streams} == {2}
