"""The page in the browser: without JavaScript, by keyboard, on the smallest screen, with hostile text, in any order."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from simulator.charger import OnRemoteStop
from tests.support.wait import eventually
from tests.system.world import SessionView, World, posted

FAILED = "Charger could not stop the session. Please try again."


def test_without_javascript(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(2200, power_w=7000)
    page = world.sign_in(world.cast.ada, java_script_enabled=False)
    main = page.get_by_role("main")
    page.locator(f"#session-{number}-banner").get_by_role("link").click()
    expect(main).to_contain_text("2.20")
    world.charger.obey(OnRemoteStop.REJECT)
    posted(page, main.get_by_role("button", name="Stop charging"))
    expect(main).to_contain_text(FAILED)  # the page loads itself again
    world.charger.obey(OnRemoteStop.ACCEPT)
    button = main.get_by_role("button", name=re.compile("^Stop charging$"))
    expect(button).to_be_enabled(timeout=25_000)
    posted(page, button)
    expect(main).to_contain_text("Total kWh")
    expect(main).to_contain_text("Completed")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")


def test_keyboard_stops_session(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    page.page.keyboard.press("Tab")
    expect(page.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.button.focus()
    world.charger.deliver(300)
    page.shows("0.30", noun="live")
    expect(page.button).to_be_focused()
    world.charger.obey(OnRemoteStop.REJECT)
    page.page.keyboard.press("Enter")
    page.shows(FAILED, noun="stop")
    expect(page.button).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_smallest_screen(world: World, scheme) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    for energy_wh in (500, 12_345, 123_456):
        world.charger.deliver(energy_wh, power_w=149_900, soc_percent=99)
    page = world.watch(world.cast.ada, number, viewport={"width": 320, "height": 640}, color_scheme=scheme)
    for path in (f"/sessions/{number}", f"/sessions/{number}/why", "/sessions", "/account", "/sessions/4711"):
        page.page.goto(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_why_goes_on_with_session(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(2203)
    page = world.sign_in(world.cast.ada)
    page.goto(f"/sessions/{number}")
    page.get_by_role("link", name="Why these numbers").click()
    energy = page.get_by_role("region", name="Energy")
    expect(energy).to_contain_text("2.203 kWh")
    world.charger.deliver(2417)
    expect(energy).to_contain_text("2.417 kWh")
    world.charger.end()
    expect(energy).to_contain_text("Meter at the end")


def test_charger_html_never_executed(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    said: list[str] = []
    page.page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    evil = "<img src=x onerror=alert(1)>\r\n\r\ndata: <script>alert(2)</script>"
    world.charger.end(reason=evil)
    page.is_completed()
    page.shows("<img src=x onerror=alert(1)>", noun="live")
    page.page.reload()
    page.shows("<img src=x onerror=alert(1)>", noun="live")
    assert said == []


def test_older_revision_dropped(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    world.charger.deliver(900)
    page.shows("0.90", noun="live")
    old = (
        f'<hx-partial hx-target="#session-{number}-live" hx-swap="outerMorph">'
        f'<section id="session-{number}-live" data-revision="1">an older page</section></hx-partial>'
    )
    page.is_answered(old)
    page.shows("0.90", noun="live")
    page.does_not_show("an older page")


def test_unknown_session_in_place(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    nobodys = f"{world.web.url}/sessions/4711/stop_requests"
    page.page.route("**/stop_requests", lambda route: route.continue_(url=nobodys))
    page.stop()
    page.shows("Session not found")
    assert page.has_stayed()
    expect(page.page.get_by_role("navigation")).to_be_visible()


def test_older_list_pages_stay(world: World) -> None:
    numbers = [world.charger.start(world.cast.ada.id_tag, connector=n) for n in range(1, 26)]
    page = world.sign_in(world.cast.ada)
    page.goto("/sessions")
    page.get_by_role("link", name="Older sessions").click()
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    oldest = page.locator(f"#session-{numbers[0]}-row")
    expect(oldest).to_contain_text("In progress")
    newest = world.charger.start(world.cast.ada.id_tag, connector=1)  # which closes the oldest
    expect(oldest).to_contain_text("Completed")
    expect(page.locator(f"#session-{newest}-row")).to_have_count(0)
    expect(page.locator("li.session-row")).to_have_count(5)


def test_reading_list_gets_final_one(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    for energy_wh in range(100, 2600, 100):
        world.charger.deliver(energy_wh)
    page = world.watch(world.cast.ada, number)
    page.page.get_by_role("link", name="Older readings").click()
    every = page.page.locator("#every-reading tbody tr")
    expect(every).to_have_count(25)
    page.is_live()
    world.charger.end()
    page.shows("Final reading", noun="timeline")
    expect(every).to_have_count(25)


def test_stream_opens_with_late_script(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.sign_in(world.cast.ada, has_worker=False, service_workers="block")  # which has the script by itself
    held: list[Route] = []
    page.route("**/shared_stream.js", lambda route: held.append(route))  # noqa: PLW0108 - Playwright looks at it
    page.goto(f"/sessions/{number}", wait_until="commit")
    expect(page.locator(f"#session-{number}-stop-button")).to_be_visible()
    page.evaluate("new Promise((done) => setTimeout(done, 50))")  # whatever htmx would begin with by a timer has begun
    eventually(lambda: page.wait_for_timeout(20) or held)
    held[0].continue_()
    SessionView(page, number).is_live()


def test_no_foreign_requests_or_errors(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    urls, problems = [], []
    page.page.on("request", lambda request: urls.append(request.url))
    page.page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.page.on("pageerror", lambda error: problems.append(str(error)))
    page.page.reload()
    page.is_live()
    world.charger.deliver(900)
    page.shows("0.90", noun="live")
    assert urls
    assert not [url for url in urls if not url.startswith(world.web.url)]
    assert problems == []
