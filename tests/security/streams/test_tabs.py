"""Any number of tabs over HTTP/1.1, where a browser opens six connections to a site: one stream serves them all."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.support.wait import eventually
from tests.system.world import NO_WORKER, SessionView, World

TABS = 12
PROTOCOL = "performance.getEntriesByType('navigation')[0].nextHopProtocol"
LATE_MS = 30_000
AT_ONCE_MS = 10_000  # a page that polls is late by as much
PASSED_BY = """async () => {
  const { SharedStream } = await import("/static/js/shared_stream.js");
  const stream = new SharedStream();
  const tab = { send() {} };
  const { viewer } = document.body.dataset;
  const watch = { kind: "watch", addresses: ["/live/sessions"], viewer };
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  stream.take(tab, watch);
  stream.take(tab, { kind: "leave" });
  while (stream.changeTimer !== null && Date.now() < stream.changeDueAt + 500) await pause(20);
  stream.take(tab, watch);
  for (let tries = 0; tries < 100 && stream.state !== "live"; tries++) await pause(50);
  const { state } = stream;
  stream.take(tab, { kind: "leave" });
  return state;
}"""
NO_LOCKS = "Object.defineProperty(navigator, 'locks', {value: undefined})"


def tabs_of(context: BrowserContext, number: int, count: int) -> list[SessionView]:
    pages = [context.new_page() for _ in range(count)]
    for page in pages:
        page.goto(f"/sessions/{number}")
    return [SessionView(page, number) for page in pages]


def all_show(tabs: list[SessionView], text: str) -> None:
    for tab in tabs:
        tab.shows(text, noun="live")
        assert tab.has_stayed()


def test_twelve_tabs_live_over_http_1(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    first = world.sign_in(world.cast.ada, service_workers="block")  # which would hide the protocol
    tabs = tabs_of(first.context, number, TABS)
    for tab in tabs:
        tab.is_live()
        assert tab.page.evaluate(PROTOCOL) == "http/1.1"
    first.goto("/account")
    expect(first.locator("#stream")).to_have_attribute("data-status", "live")
    for energy_wh in (900, 1300):
        world.charger.deliver(energy_wh)
        all_show(tabs, f"{energy_wh / 1000:.2f}")
    for tab in tabs:
        tab.is_live()
    with tabs[-1].page.expect_response("**/stop_requests", timeout=AT_ONCE_MS):
        tabs[-1].stop()
    for tab in tabs:
        tab.is_completed()


def test_tabs_outlive_the_first(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    first = world.sign_in(world.cast.ada)
    tabs = tabs_of(first.context, number, 3)
    for energy_wh in (500, 700, 900):
        (first if energy_wh == 500 else tabs.pop(0).page).close()
        world.charger.deliver(energy_wh)
        all_show(tabs, f"{energy_wh / 1000:.2f}")


def test_each_tab_gets_its_own_topic(world: World) -> None:
    numbers = [world.charger.start(world.cast.ada.id_tag, connector=connector) for connector in (1, 2)]
    operator = world.sign_in(world.cast.olga)
    one, other = (tabs_of(operator.context, number, 1)[0] for number in numbers)
    filtered = operator.context.new_page()
    filtered.goto("/fleet?state=Faulted")
    whole = operator.context.new_page()
    whole.goto("/fleet")
    for page in (one.page, other.page, filtered, whole):
        expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    world.charger.deliver(800)
    other.shows("0.80", noun="live")
    one.does_not_show("0.80")
    world.charger.fault(3, "GroundFailure")
    for page in (filtered, whole):
        expect(page.get_by_role("main")).to_contain_text("GroundFailure")


def test_signing_out_in_one_tab_reaches_all(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    first = world.sign_in(world.cast.ada)
    tabs = tabs_of(first.context, number, 2)
    for tab in tabs:
        tab.is_live()
    first.get_by_role("button", name="Sign out").click()
    for tab in tabs:
        tab.page.wait_for_url(re.compile(r"/sign-in\?next="), timeout=LATE_MS)


def test_signing_out_reaches_pages_without_a_stream(world: World) -> None:
    """Nothing else would lead such a page away; those whose stream has no place would poll for seconds before."""
    first = world.sign_in(world.cast.ada, has_worker=False)
    pages = [first.context.new_page() for _ in range(2)]
    for page, path in zip(pages, ("/account/password", "/account/export"), strict=True):
        page.goto(path)
        assert page.locator("#stream").count() == 0
    first.get_by_role("button", name="Sign out").click()
    for page in pages:
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=LATE_MS)


def test_watch_after_a_tab_came_and_went(world: World) -> None:
    """A tab that is only passed by leaves before it is watched: the next one has to be."""
    page = world.sign_in(world.cast.ada)
    assert page.evaluate(PASSED_BY) == "live"


def test_other_person_in_same_browser(world: World) -> None:
    """The cookie is another's before the device is signed out: no page shows what is not its viewer's."""
    number = world.charger.start(world.cast.ada.id_tag)
    first = world.sign_in(world.cast.ada)
    first.goto("/sessions")
    tab = tabs_of(first.context, number, 1)[0]
    tab.is_live()
    bens = world.sign_in(world.cast.ben).context.cookies()
    first.context.clear_cookies()
    first.context.add_cookies(bens)
    new = first.context.new_page()
    new.goto("/sessions")
    expect(tab.page.get_by_role("heading", name="Session not found")).to_be_visible(timeout=LATE_MS)
    expect(first.get_by_text(world.cast.ben.email).first).to_be_visible(timeout=LATE_MS)
    expect(first.get_by_role("main")).not_to_contain_text(f"#{number}")
    expect(new.locator("#stream")).to_have_attribute("data-status", "live")
    expect(new.get_by_role("main")).not_to_contain_text(f"#{number}")


def test_without_shared_worker(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    first = world.sign_in(world.cast.ada, has_worker=False)
    tabs = tabs_of(first.context, number, TABS)
    first.close()
    eventually(lambda: len(live(tabs)) == 3)
    for energy_wh in (900, 1300):
        world.charger.deliver(energy_wh)
        all_show(tabs, f"{energy_wh / 1000:.2f}")
    live(tabs)[0].page.close()
    tabs = [tab for tab in tabs if not tab.page.is_closed()]
    eventually(lambda: len(live(tabs)) == 3)
    last = next(tab for tab in tabs if tab not in live(tabs))
    with last.page.expect_response("**/stop_requests", timeout=AT_ONCE_MS):
        last.stop()
    for tab in tabs:
        tab.is_completed()


def live(tabs: list[SessionView]) -> list[SessionView]:
    return [tab for tab in tabs if tab.page.locator("#stream").get_attribute("data-status") == "live"]


@pytest.mark.settings(STREAMS_PER_ACCOUNT="1")
def test_displaced_browser_says_so_and_polls(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    first, second = (world.watch(world.cast.ada, number) for _ in range(2))
    notice = first.page.locator("#connection")
    expect(notice).to_contain_text("your account is live in many other places")
    for energy_wh in (900, 1300):
        world.charger.deliver(energy_wh)
        for tab in (first, second):
            tab.shows(f"{energy_wh / 1000:.2f}", noun="live")
    second.is_live()
    expect(notice).to_be_visible()
    assert first.page.locator("#stream").get_attribute("data-status") == "late"


@pytest.mark.parametrize("missing", [NO_WORKER, "window.SharedWorker = class { constructor() { throw Error() } }"])
def test_polls_without_worker_and_locks(world: World, missing: str) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.sign_in(world.cast.ada)
    page.context.add_init_script(missing)
    page.context.add_init_script(NO_LOCKS)
    tab = tabs_of(page.context, number, 1)[0]
    for energy_wh in (900, 1300):
        world.charger.deliver(energy_wh)
        tab.shows(f"{energy_wh / 1000:.2f}", noun="live")
    assert tab.page.locator("#stream").get_attribute("data-status") == "late"
