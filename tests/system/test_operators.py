"""An operator's hands in Chromium: what is pressed there shows before the eyes of drivers and of other operators."""

from __future__ import annotations

import re
from base64 import b64encode

import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from polaris import models
from polaris.models import Charger
from tests.system.world import ChargerInTown, World, posted

KEY = "a-key-that-the-charger-has"


def open_live(world: World, path: str) -> Page:
    """Olga opens a page, which is live and notices if it is loaded again."""
    page = world.sign_in(world.cast.olga)
    page.goto(path)
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    page.evaluate("window.hasStayed = true")
    return page


def has_stayed(page: Page) -> bool:
    return bool(page.evaluate("window.hasStayed === true"))


def send(page: Page, name: str) -> None:
    """Press a button of the page's main part."""
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def knock(world: World, identity: str) -> None:
    """Ask to connect as a charger that nobody knows, with a key."""
    headers = {"Authorization": f"Basic {b64encode(f'{identity}:{KEY}'.encode()).decode()}"}
    url = f"{world.bridge.url}/{identity}"
    with pytest.raises(InvalidStatus):
        connect(url, subprotocols=[Subprotocol("ocpp1.6")], additional_headers=headers)


@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_unknown_charger_accepted(world: World, java_script_enabled: bool) -> None:
    identity = f"stranger-{world.cast.depot_7.id}"
    knock(world, identity)
    page = world.sign_in(world.cast.olga, java_script_enabled=java_script_enabled)
    page.goto("/attention")
    item = page.locator("#attention-refused .attention-item").filter(has_text=f"/ocpp/{identity} ")
    item.get_by_role("link", name="Accept with the key it offered").click()
    send(page, "Accept a refused charger")
    expect(page.get_by_role("main")).to_contain_text(identity)
    expect(page.locator("#attention-refused")).not_to_contain_text(f"/ocpp/{identity} ")
    charger = ChargerInTown(world.bridge.url, identity, KEY)
    charger.connect()
    page.goto(f"/fleet/{identity}")
    expect(page.get_by_role("main")).to_contain_text("Online")
    charger.close()


def test_stuck_session_closed_before_drivers_eyes(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(3000, power_w=7000)
    world.charger.respond(TriggerMessage={"status": "Rejected"})  # it sends no readings when it is asked
    driver = world.watch(world.cast.ada, number)
    world.charger.status("Available")  # without an end
    driver.shows("final reading is still to come", noun="live")
    page = open_live(world, "/attention")
    item = page.locator("#attention-stuck .attention-item").filter(has_text=f"Session #{number}")
    item.get_by_role("link", name="Close as an estimate").press("Enter")
    send(page, "Close a session as an estimate")
    driver.shows("Completed", noun="header")
    driver.shows("Total kWh", noun="live")
    driver.shows("3.00", noun="live")
    driver.shows("without the charger's own figures", noun="live")
    expect(page.locator("#attention-stuck")).not_to_contain_text(f"Session #{number}")
    world.charger.transaction.register_wh += 500
    world.charger.end()
    driver.shows("3.50", noun="live")
    assert driver.has_stayed()


def test_charger_blocked_in_mid_session(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(1200, power_w=7000)
    driver = world.watch(world.cast.ada, number)
    onlooker = open_live(world, f"/fleet/{world.cast.depot_7.identity}")
    page = open_live(world, f"/fleet/{world.cast.depot_7.identity}")
    page.get_by_role("link", name="Block", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text(f"ession {number}")
    expect(page.get_by_role("main")).to_contain_text(world.cast.ada.email)
    send(page, "Block a charger")
    for shown in (page, onlooker):
        expect(shown.get_by_role("main")).to_contain_text("It is blocked: it cannot connect.")
        expect(shown.get_by_role("main")).to_contain_text("Offline")
    driver.shows("The charger is not connected right now.", noun="live")
    driver.shows("In progress", noun="header")
    page.get_by_role("link", name="Unblock", exact=True).click()
    send(page, "Unblock a charger")
    driver.does_not_show("The charger is not connected right now.")
    expect(onlooker.get_by_role("main")).not_to_contain_text("It is blocked")
    assert driver.has_stayed()
    assert has_stayed(onlooker)


def test_setting_needs_restart(world: World) -> None:
    path = f"/fleet/{world.cast.depot_7.identity}"
    world.charger.respond(ChangeConfiguration={"status": "RebootRequired"})
    page, onlooker = open_live(world, path), open_live(world, path)
    page.get_by_role("link", name="Get configuration", exact=True).click()
    send(page, "Send")
    row = page.locator(".settings tr").filter(has_text="HeartbeatInterval")
    expect(row).to_contain_text("300")
    row.get_by_role("link").click()
    page.get_by_label("Value", exact=True).fill("120")
    send(page, "Send")
    for shown in (page, onlooker):
        row = shown.locator(".settings tr").filter(has_text="HeartbeatInterval")
        expect(row).to_contain_text("Changed; it needs a restart")
    world.charger.disconnect()
    world.charger.connect()
    for shown in (page, onlooker):
        row = shown.locator(".settings tr").filter(has_text="HeartbeatInterval")
        expect(row).not_to_contain_text("it needs a restart")
    assert has_stayed(onlooker)


def test_two_operators_edit_the_same(world: World) -> None:
    """The second one is shown what the first has changed, and overwrites nothing unseen."""
    path = f"/actions/charger/name?identity={world.cast.depot_7.identity}&next=/account"
    first, second = world.sign_in(world.cast.olga), world.sign_in(world.cast.olga, java_script_enabled=False)
    for page, name in ((first, "Gate"), (second, "Yard")):
        page.goto(path)
        page.get_by_label("Name", exact=True).fill(name)
    send(first, "Rename a charger")
    expect(first).to_have_url(re.compile("/account$"))
    assert posted(second, second.get_by_role("button", name="Rename a charger")).status == 409
    expect(second.get_by_role("main")).to_contain_text("It was changed meanwhile")
    expect(second.get_by_role("main")).to_contain_text("Gate")
    expect(second.get_by_label("Name", exact=True)).to_have_value("Yard")
    send(second, "Rename a charger")
    expect(second).to_have_url(re.compile("/account$"))
    second.goto(f"/fleet/{world.cast.depot_7.identity}")
    expect(second.get_by_role("heading", level=1)).to_contain_text("Yard")


def test_command_for_many_paused_and_gone_on(world: World) -> None:
    prefix = f"many-{world.cast.depot_7.id}"
    add_many(world, prefix, 100)
    page = open_live(world, "/fleet")
    page.goto(f"/bulk/new/clear-cache?text={prefix}")
    send(page, "Dry run")
    onlooker = open_live(world, page.url)
    send(page, "Send it to 100 chargers")
    expect(onlooker.locator("[data-status=failed] b")).to_be_visible()
    send(page, "Pause")
    for shown in (page, onlooker):
        expect(shown.get_by_role("main")).to_contain_text("Paused")
    waiting = onlooker.locator("[data-status=waiting] b").inner_text()
    assert 0 < int(waiting) < 100
    page.get_by_role("button", name="Go on").press("Enter")
    expect(onlooker.get_by_role("main")).to_contain_text("Being sent, a few each second")
    expect(onlooker.locator("[data-status=waiting] b")).not_to_have_text(waiting)
    send(page, "Cancel")
    expect(onlooker.get_by_role("main")).to_contain_text("Cancelled")
    assert has_stayed(onlooker)


def add_many(world: World, prefix: str, count: int) -> None:
    """Add chargers that count as connected, and are not there when they are asked."""
    with models.database.connection_context():
        depot = Charger.get_by_id(world.cast.depot_7.id)
        for number in range(count):
            Charger.create(
                identity=f"{prefix}-{number}",
                name="",
                site=depot.site_id,
                key_hash="",
                key_version=1,
                bridge=depot.bridge_id,
                connection_id=f"{prefix}-{number}",
                connected_at=depot.connected_at,
            )


def test_wall_opens_nothing_else(world: World) -> None:
    page = world.sign_in(world.cast.olga)
    page.goto("/walls")
    page.get_by_role("link", name="Add a wall").click()
    name = f"Office {world.cast.depot_7.id}"
    page.locator("[name=name]").fill(name)
    page.locator("[name=days]").fill("90")
    send(page, "Add a wall")
    link = page.locator(".action__keys code").inner_text()
    context = world.browser.new_context(base_url=world.web.url)
    world.contexts.append(context)
    screen = context.new_page()
    screen.goto(link)
    send(screen, "Show the fleet")
    expect(screen.locator("#stream")).to_have_attribute("data-status", "live")
    world.charger.fault(1, "GroundFailure")
    expect(screen.get_by_role("main")).to_contain_text("GroundFailure")
    assert screen.get_by_role("link").count() + screen.get_by_role("button").count() <= 2
    number = world.charger.start(world.cast.ada.id_tag)
    others = (
        "/fleet",
        f"/fleet/{world.cast.depot_7.identity}",
        f"/sessions/{number}",
        "/people",
        "/audit.csv",
        "/walls",
    )
    for path in others:
        answer = context.request.get(path, max_redirects=0)
        assert answer.status == 302, path
        assert answer.headers["location"].startswith("/sign-in"), path
    second = world.browser.new_context(base_url=world.web.url)
    world.contexts.append(second)
    assert second.request.get(link).status == 404
    page.goto("/walls")
    page.get_by_role("row").filter(has_text=name).get_by_role("link", name="Remove").click()
    send(page, "Remove a wall")
    expect(screen.get_by_role("heading", level=1)).to_have_text("This wall has ended")
