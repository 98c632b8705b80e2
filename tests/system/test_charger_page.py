"""A charger's page in Chromium: what it says comes by itself, and a session is stopped from here to its end."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from polaris import models
from polaris.models import ChargerNotice
from simulator.charger import OnRemoteStop
from tests.support import cast as cast_
from tests.system.world import World, posted

FAILED = "Charger could not stop the session. Please try again."


class ChargerView:
    """The page of Depot 7 as Olga reads it. Every check waits, and none reloads."""

    def __init__(self, world: World, **options) -> None:
        self.id = world.cast.depot_7.id
        self.page: Page = world.sign_in(world.cast.olga, **options)
        self.page.goto(f"/fleet/{world.cast.depot_7.identity}")
        if options.get("java_script_enabled", True):
            expect(self.page.locator("#stream")).to_have_attribute("data-status", "live")
            self.page.evaluate("window.hasStayed = true")

    def fragment(self, noun: str) -> Locator:
        return self.page.locator(f"#charger-{self.id}-{noun}")

    def shows(self, noun: str, text: str) -> None:
        expect(self.fragment(noun)).to_contain_text(text)

    def message(self, text: str) -> Locator:
        """The line of a message, which keeps it however many come above."""
        line = self.fragment("messages").locator("li").filter(has_text=text).first
        return self.page.locator(f"#{line.get_attribute('id')}")

    def button(self, number: int) -> Locator:
        return self.page.locator(f"#session-{number}-stop-button")

    def has_stayed(self) -> bool:
        return bool(self.page.evaluate("window.hasStayed === true"))


def test_messages_appear_pushed(world: World) -> None:
    shown = ChargerView(world)
    message = shown.message("Started up: Polaris Virtual")
    message.get_by_text("Raw").click()
    number = world.charger.start(world.cast.ada.id_tag)
    shown.shows("connectors", "Connector 1")
    shown.shows("connectors", "Charging")
    shown.shows("running", f"Session #{number}")
    world.charger.deliver(2200, power_w=7000)
    shown.shows("running", "2.20")
    shown.shows("messages", "Connector 1: Meter reading: 3.20 kWh, 7.0 kW")
    expect(message.locator("details")).to_have_attribute("open", "")  # what was unfolded stays so
    world.charger.fault(2, "GroundFailure")
    shown.shows("connectors", "Fault: GroundFailure")
    shown.shows("messages", "Connector 2: Faulted (GroundFailure)")
    shown.shows("header", "Online")
    world.charger.disconnect()
    shown.shows("header", "Offline")
    shown.shows("messages", "Connection ended")
    shown.shows("running", "not connected")
    world.charger.connect()
    shown.shows("header", "Online")
    assert shown.has_stayed()


def test_stop_from_start_to_end(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    shown, driver = ChargerView(world), world.watch(world.cast.ada, number)
    world.charger.obey(OnRemoteStop.REJECT)
    shown.button(number).click()
    shown.shows("running", FAILED)
    shown.shows("messages", f"Asked to stop session {number}")
    driver.shows(FAILED, noun="stop")
    expect(shown.button(number)).to_be_enabled()
    world.charger.obey(OnRemoteStop.ACCEPT_SILENT)
    shown.button(number).click()
    shown.shows("running", "the charger accepted, waiting for its final reading")
    driver.shows("the charger accepted, waiting for its final reading", noun="stop")
    world.charger.end(reason="Remote")
    shown.shows("sessions", f"Session #{number}")
    shown.shows("sessions", "Completed")
    shown.shows("running", "No session is in progress.")
    shown.shows("messages", f"Session {number} ended: Remote")
    driver.is_completed()
    assert shown.has_stayed()


def test_two_sessions_two_buttons(world: World) -> None:
    numbers = [world.charger.start(world.cast.ada.id_tag, connector=1)]
    shown = ChargerView(world)
    numbers.append(world.charger.start(world.cast.ben.id_tag, connector=2))  # which comes while the page is open
    world.charger.obey(OnRemoteStop.ACCEPT)
    expect(shown.button(numbers[1])).to_be_enabled()
    shown.button(numbers[1]).click()
    shown.shows("sessions", f"Session #{numbers[1]}")
    expect(shown.button(numbers[1])).to_have_count(0)
    expect(shown.button(numbers[0])).to_be_enabled()
    shown.shows("running", "1 session is in progress.")


def test_keyboard_stops_session(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    shown = ChargerView(world)
    shown.button(number).focus()
    world.charger.deliver(300)
    shown.shows("running", "0.30")
    expect(shown.button(number)).to_be_focused()
    world.charger.obey(OnRemoteStop.REJECT)
    shown.page.keyboard.press("Enter")
    shown.shows("running", FAILED)
    expect(shown.button(number)).to_be_focused()
    message = shown.message(f"Asked to stop session {number}")
    message.get_by_text("Raw").focus()
    shown.page.keyboard.press("Enter")
    expect(message.locator("pre").first).to_be_visible()


def test_older_nested_state_not_shown(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    shown = ChargerView(world)
    world.charger.obey(OnRemoteStop.ACCEPT_SILENT)
    older = shown.fragment("running").evaluate("(element) => element.outerHTML")
    shown.button(number).click()
    shown.shows("running", "the charger accepted")
    partial = f'<hx-partial hx-target="#charger-{shown.id}-running" hx-swap="outerMorph">{older}</hx-partial>'
    answer = shown.page.evaluate(
        """async (text) => {
            const source = document.querySelector("#stream");
            let ran = false;
            source.addEventListener("htmx:after:swap", () => (ran = true), {once: true});
            await htmx.swap({text, sourceElement: source, swap: "none"});
            return [ran, document.querySelector("[id$=-stop-status]").textContent];
        }""",
        partial,
    )
    assert answer[0]
    assert "the charger accepted" in answer[1]


@pytest.mark.field(134)
def test_settings_follow(world: World) -> None:
    """The page fetches a list that is another one, whenever it comes, and keeps where it is read."""
    shown = ChargerView(world)
    shown.shows("settings", "reported none yet")
    for part in range(3):
        data = [{"component": {"name": "C"}, "variable": {"name": f"P{part}-{number}"}} for number in range(500)]
        with models.database.connection_context():
            ChargerNotice.create(
                charger=shown.id,
                topic="NotifyReport",
                request="7",
                part=part,
                received_at=datetime.now(UTC),
                payload=json.dumps({"tbc": True, "reportData": data}),
            )
        shown.shows("settings", f"{(part + 1) * 500} settings")
        shown.page.get_by_role("rowheader", name="P0-99").scroll_into_view_if_needed()
        top = shown.page.evaluate("document.querySelector('.settings__list').scrollTop")
        assert top >= shown.page.evaluate("window.lastTop ?? 0")
        shown.page.evaluate("(top) => (window.lastTop = top)", top)
    assert shown.has_stayed()


@pytest.mark.field(134)
def test_settings_fetched_after_failures(world: World) -> None:
    shown = ChargerView(world)
    attempts: list[int] = []

    def fail_twice(route: Route) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            route.abort()
        elif len(attempts) == 2:
            route.fulfill(status=500, body="no")
        else:
            route.continue_()

    shown.page.route("**/settings", fail_twice)
    with models.database.connection_context():
        ChargerNotice.create(
            charger=shown.id,
            topic="NotifyReport",
            request="8",
            part=0,
            received_at=datetime.now(UTC),
            payload=json.dumps({"reportData": [{"component": {"name": "C"}, "variable": {"name": "Late"}}]}),
        )
    shown.shows("settings", "Late")
    assert len(attempts) == 3
    assert shown.has_stayed()


def test_without_javascript(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(2200, power_w=7000)
    world.charger.obey(OnRemoteStop.ACCEPT)
    shown = ChargerView(world, java_script_enabled=False)
    shown.shows("running", "2.20")
    answer = posted(shown.page, shown.page.get_by_role("button", name="Stop charging"))
    assert (answer.status, answer.headers["location"]) == (303, f"/fleet/{world.cast.depot_7.identity}")
    shown.shows("sessions", "Completed")  # the page loads itself again
    expect(shown.page.locator(f"#session-{number}-row")).to_contain_text("2.20")
    shown.shows("messages", f"Session {number} ended: Remote")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_smallest_screen(world: World, scheme: str) -> None:
    long = cast_.add_charger(
        world.config, world.cast.depot_7.identity.rjust(48, "x"), name="Harbour Street and Long Quay, bay " + "9" * 30
    )
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(123_456, power_w=149_900, soc_percent=99)
    world.charger.fault(2, "X" * 50)
    world.charger.obey(OnRemoteStop.REJECT)
    shown = ChargerView(world, viewport={"width": 320, "height": 640}, color_scheme=scheme)
    shown.button(number).click()
    shown.shows("running", FAILED)
    shown.shows("messages", "149.9 kW")
    for summary in shown.fragment("messages").get_by_text("Raw").all()[:3]:
        summary.click()
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 320
    shown.page.goto(f"/fleet/{long.identity}")
    expect(shown.page.get_by_role("main")).to_contain_text("It has never connected.")
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_charger_html_never_executed(world: World) -> None:
    shown = ChargerView(world)
    said: list[str] = []
    shown.page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    evil = "<img src=x onerror=alert(1)>\r\n\r\ndata: <script>alert(2)</script>\N{RIGHT-TO-LEFT OVERRIDE}turned"
    world.charger.fault(1, evil)
    shown.shows("messages", "Faulted (<img src=x onerror=alert(1)>")
    shown.shows("connectors", "<img src=x onerror=alert(1)>")
    shown.shows("connectors", "</script>\N{REPLACEMENT CHARACTER}turned")
    shown.page.reload()
    shown.shows("messages", "<img src=x onerror=alert(1)>")
    assert said == []


def test_driver_gets_404(world: World) -> None:
    page = world.sign_in(world.cast.ada)
    page.goto(f"/fleet/{world.cast.depot_7.identity}")
    expect(page.get_by_role("main")).to_contain_text(re.compile("Page not found"))
    assert page.locator("#stream").count() == 0


def test_reset_seen_by_both_operators(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    world.commands_arrive()
    onlooker, presser = ChargerView(world), ChargerView(world)
    page = presser.page
    page.get_by_role("link", name="Reset", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Reset").wait_for()
    page.get_by_role("button", name="Dry run").focus()
    page.keyboard.press("Enter")
    onlooker.shows("commands", "A dry run: this is what would be sent. Nothing was sent.")
    onlooker.shows("commands", '[2,"...","Reset",{"type":"Soft"}]')
    page.wait_for_load_state()  # until then a browser that goes to the address's fragment takes any focus away again
    presser.fragment("commands").get_by_role("button", name="Send").press("Enter")
    expect(page.get_by_text(f"session {number} on connector 1: {world.cast.ada.email}")).to_be_visible()
    question = page.get_by_role("alert").filter(has_text="This can interrupt:")
    expect(question).to_be_focused()
    page.keyboard.press("Enter")  # a second press of before, which answers nothing
    expect(question).to_be_focused()
    page.get_by_role("button", name="Send all the same").press("Enter")
    onlooker.shows("commands", "The charger accepted.")
    presser.shows("commands", "The charger accepted.")
    onlooker.shows("messages", "Asked to restart")
    assert onlooker.has_stayed()
