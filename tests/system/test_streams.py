"""The page and its stream: cut, blocked, hidden, offline, asleep; it says so quietly, and is right again by itself."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from polaris import administration
from polaris.pubsub import Publisher
from tests.support.cast import ACTOR, now
from tests.system.world import SessionView, World

STREAM = re.compile(r"/live/\?topic=")
SHOW_AGAIN = """(is) => {
  Object.defineProperty(document, "hidden", {configurable: true, value: !is});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
LATE_MS = 45_000  # a page that fails to connect rests for half of that at most


def watching(world: World, **options: Any) -> SessionView:
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(1000)
    page = world.watch(world.cast.ada, number, **options)
    page.shows("1.00", noun="live")
    return page


def is_right_and_live(world: World, page: SessionView, energy_wh: int) -> None:
    """What happened meanwhile is shown, the next reading comes, and nothing says that the page is late."""
    page.shows(f"{energy_wh / 1000:.2f}", noun="live")
    page.is_live()
    expect(notice(page.page)).to_be_hidden()
    world.charger.deliver(energy_wh + 100)
    page.shows(f"{(energy_wh + 100) / 1000:.2f}", noun="live")
    assert page.has_stayed()


def notice(page: Page) -> Locator:
    return page.locator("#connection")


def test_offline_page_says_so_and_recovers(own_world: World) -> None:
    page = watching(own_world, has_worker=False)
    page.page.context.set_offline(True)
    own_world.web.restart()  # being offline cuts connections, which Chromium's pretence does not
    own_world.charger.deliver(2000)
    expect(notice(page.page)).to_be_visible(timeout=LATE_MS)
    expect(notice(page.page)).to_contain_text(re.compile(r"last heard \d+ s ago"))
    page.page.context.set_offline(False)
    is_right_and_live(own_world, page, 2000)


def test_blocked_streams_fall_back_to_polling(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    browser_page = world.sign_in(world.cast.ada, has_worker=False)
    browser_page.route(STREAM, lambda route: route.abort())
    browser_page.goto(f"/sessions/{number}")
    page = SessionView(browser_page, number)
    for energy_wh in (1500, 2500):
        world.charger.deliver(energy_wh)
        expect(page.fragment("live")).to_contain_text(f"{energy_wh / 1000:.2f}", timeout=LATE_MS)
        expect(notice(browser_page)).to_be_visible()
    browser_page.unroute(STREAM)
    expect(browser_page.locator("#stream")).to_have_attribute("data-status", "live", timeout=LATE_MS)
    is_right_and_live(world, page, 2500)


def test_buffered_stream_counts_as_blocked(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    browser_page = world.sign_in(world.cast.ada, has_worker=False)
    browser_page.route(STREAM, lambda route: route.fulfill(content_type="text/event-stream", body=": connected\n\n"))
    browser_page.goto(f"/sessions/{number}")
    page = SessionView(browser_page, number)
    expect(notice(browser_page)).to_be_visible(timeout=LATE_MS)
    world.charger.deliver(1500)
    expect(page.fragment("live")).to_contain_text("1.50", timeout=LATE_MS)


def test_failed_poll_keeps_page(own_world: World) -> None:
    page = watching(own_world, has_worker=False)
    page.page.route("**/live/**", lambda route: route.fulfill(status=503, content_type="text/html", body="<p>Gone</p>"))
    with page.page.expect_response(re.compile("once=1"), timeout=LATE_MS):
        own_world.web.restart()
    page.shows("1.00", noun="live")
    page.does_not_show("Gone")
    page.page.unroute("**/live/**")
    own_world.charger.deliver(2000)
    expect(page.fragment("live")).to_contain_text("2.00", timeout=LATE_MS)
    assert page.has_stayed()


def test_signed_out_poll_asks_to_sign_in(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    browser_page = world.sign_in(world.cast.ada, has_worker=False)
    browser_page.route(STREAM, lambda route: route.abort())
    browser_page.goto(f"/sessions/{number}")
    expect(notice(browser_page)).to_be_visible(timeout=LATE_MS)
    publisher = Publisher(world.config.redis_url)
    administration.sign_out_everywhere(publisher, world.cast.ada.id, actor=ACTOR, now=now())
    publisher.close()
    browser_page.wait_for_url(re.compile(r"/sign-in\?next="), timeout=LATE_MS)


def test_hidden_tab_watches_nothing(world: World) -> None:
    page = watching(world)
    page.page.evaluate(SHOW_AGAIN, False)
    expect(page.page.locator("#stream")).to_have_attribute("data-status", "late")
    world.charger.deliver(2000)
    page.page.evaluate(SHOW_AGAIN, True)
    is_right_and_live(world, page, 2000)


def test_sleep_through_restart_recovers(own_world: World) -> None:
    page = watching(own_world)
    cdp = page.page.context.new_cdp_session(page.page)
    cdp.send("Page.setWebLifecycleState", {"state": "frozen"})
    own_world.web.restart()
    own_world.charger.deliver(2000)
    cdp.send("Page.setWebLifecycleState", {"state": "active"})
    is_right_and_live(own_world, page, 2000)


def test_typing_survives_pushes(world: World) -> None:
    page = watching(world)
    page.page.evaluate(
        "document.querySelector('.session-page').append("
        "Object.assign(document.createElement('input'), {id: 'typed', ariaLabel: 'Typed'}))"
    )
    field = page.page.get_by_label("Typed")
    field.fill("half a word")
    field.evaluate("(field) => field.setSelectionRange(2, 5)")
    for energy_wh in (1100, 1200, 1300):
        world.charger.deliver(energy_wh)
        page.shows(f"{energy_wh / 1000:.2f}", noun="live")
    world.charger.end()
    page.is_completed()
    expect(field).to_have_value("half a word")
    expect(field).to_be_focused()
    assert field.evaluate("(field) => [field.selectionStart, field.selectionEnd]") == [2, 5]
