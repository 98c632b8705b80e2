"""A driver starts at the bay: by the code there, on a phone and a desk at once, in every way that it can go."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from polaris import administration
from polaris.domain.commands.lifecycle import GRACE
from polaris.domain.start_request import COOLDOWN
from polaris.models import Command, Connector
from simulator.command_responses import OnCommand
from tests.support.cast import ACTOR, Person, now
from tests.support.wait import eventually
from tests.system.world import World, posted

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1200, "height": 900}
START = "RemoteStartTransaction"
FAILED = "Charger could not start the session. Please try again."


@pytest.fixture
def world(own_world: World) -> World:
    return free(own_world)


def free(world: World) -> World:
    """Its connector is free, and a bridge listens for its commands."""
    world.charger.status("Available")
    world.commands_arrive()
    return world


def path(world: World) -> str:
    return f"/start/{world.cast.depot_7.identity}/1"


def opened(world: World, person: Person, **options: object) -> Page:
    """A person's device at the page of the bay, whose stream is open."""
    page = world.sign_in(person, **options)
    page.goto(path(world))
    if options.get("java_script_enabled", True):
        expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    return page


def press(page: Page) -> None:
    page.get_by_role("button", name="Start charging").click()


def shows(page: Page, *texts: str) -> None:
    for text in texts:
        expect(page.get_by_role("main")).to_contain_text(text)


def run_out() -> None:
    Command.update(deadline_at=now() - GRACE).execute()


@pytest.mark.both_databases
@pytest.mark.settings(COMMAND_ANSWER_S="60")
def test_start_on_a_phone_is_followed_on_a_desk(world: World) -> None:
    world.charger.waits_for_a_car()
    world.charger.respond(**{START: OnCommand.LATE})
    phone, desk = opened(world, world.cast.ada, viewport=PHONE), opened(world, world.cast.ada, viewport=DESK)
    ben = opened(world, world.cast.ben, viewport=PHONE)
    for page in (phone, desk):
        shows(page, "Depot 7", "Free", "€0.48 per kWh", "With your card ending in")
    press(phone)
    for page in (phone, desk):
        shows(page, "Starting: sent to the charger.")
        expect(page.locator("#start-button")).to_be_disabled()
    shows(ben, "This connector is in use.")
    world.charger.answer_late(START)
    for page in (phone, desk):
        shows(page, "The charger accepted. Plug in the car.")
        expect(page.locator("[data-countdown]")).to_have_text(re.compile(r"^[0-3]:[0-5]\d$"))
    desk.reload()
    shows(desk, "The charger accepted. Plug in the car.")
    number = world.charger.start(world.cast.ada.id_tag)
    for page in (phone, desk):
        page.wait_for_url(f"**/sessions/{number}")
        shows(page, "In progress")
    shows(ben, "This connector is in use.")
    assert world.charger.asked(START) == 1


@pytest.mark.settings(COMMAND_ANSWER_S="60")
def test_failures_are_said_and_lead_on(world: World) -> None:
    phone, desk = opened(world, world.cast.ada, viewport=PHONE), opened(world, world.cast.ada, viewport=DESK)
    world.charger.respond(**{START: {"status": "Rejected"}})
    press(phone)
    for page in (phone, desk):
        shows(page, FAILED)
        expect(page.locator("#start-button [data-countdown]")).to_have_text(re.compile(r"^\d+$"))
    expect(page.locator("[data-countdown]")).to_have_count(0, timeout=20_000)
    world.charger.waits_for_a_car()
    world.charger.respond(**{START: {"status": "Accepted"}})
    press(desk)
    for page in (phone, desk):
        shows(page, "Plug in the car")
    run_out()
    phone.reload()
    shows(phone, "No car was plugged in in time.")
    number = world.charger.start(world.cast.ada.id_tag)  # after its time: it is said, and leads on by a press
    for page in (phone, desk):
        shows(page, "The charger has begun after all, later than it was asked to.")
    phone.get_by_role("link", name=f"To session #{number}").click()
    phone.wait_for_url(f"**/sessions/{number}")


@pytest.mark.settings(COMMAND_ANSWER_S="60")
def test_start_is_given_up_on_one_device_and_over_on_all(world: World) -> None:
    world.charger.waits_for_a_car()
    world.charger.respond(**{START: {"status": "Accepted"}})
    phone, desk = opened(world, world.cast.ada, viewport=PHONE), opened(world, world.cast.ada, viewport=DESK)
    home = world.sign_in(world.cast.ada, viewport=PHONE)
    home.goto("/")
    expect(home.locator("#stream")).to_have_attribute("data-status", "live")
    press(phone)
    shows(desk, "Kept for you", "Plug in the car")
    shows(home, "Starting at Depot 7", "Plug in the car. The charger waits")
    desk.get_by_role("button", name="Cancel").click()
    for page in (phone, desk):
        shows(page, "You gave up this start.")
        expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(home.locator("#home-starting")).to_be_hidden()
    number = world.charger.start(world.cast.ada.id_tag)
    for page in (phone, desk):
        page.wait_for_url(f"**/sessions/{number}")


def test_lost_press_is_said_alone(world: World) -> None:
    phone = opened(world, world.cast.ada, viewport=PHONE)
    world.charger.respond(**{START: {"status": "Rejected"}})
    press(phone)
    shows(phone, FAILED)
    Command.update(requested_at=now() - COOLDOWN).execute()
    phone.reload()
    expect(phone.locator("#stream")).to_have_attribute("data-status", "live")
    phone.route("**/start/**", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    press(phone)
    expect(phone.get_by_text("No answer came. The start will not be sent later.")).to_be_visible()
    expect(phone.locator("#start-status")).to_be_hidden()


def test_connector_changes_while_the_page_is_open(world: World) -> None:
    phone = opened(world, world.cast.ada, viewport=PHONE)
    for status, words in (("Faulted", "out of order"), ("Reserved", "reserved"), ("Charging", "in use")):
        world.charger.status(status)
        shows(phone, f"This connector is {words}.")
        expect(phone.locator("#start-button")).to_be_disabled()
    world.charger.status("Available")
    expect(phone.locator("#start-button")).to_be_enabled()
    world.charger.disconnect()
    shows(phone, "This connector is offline.", "contact the operator: Olga, +49 30 1234")
    world.charger.connect()
    expect(phone.locator("#start-button")).to_be_enabled()


def test_code_at_the_bay_without_javascript(world: World) -> None:
    context = world.browser.new_context(base_url=world.web.url, viewport=PHONE, java_script_enabled=False)
    world.contexts.append(context)
    page = context.new_page()
    page.goto(path(world))
    page.get_by_label("E-mail").fill(world.cast.ada.email)
    page.get_by_label("Password", exact=True).fill(world.cast.ada.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path(world)}")
    assert posted(page, page.get_by_role("button", name="Start charging")).status == 303
    page.wait_for_url("**/sessions/*", timeout=30_000)  # it loads itself again until then
    shows(page, "In progress")


def test_chosen_card_outlives_a_push(world: World) -> None:
    second = f"SECOND{world.cast.ada.id_tag}"
    administration.add_card(world.cast.ada.email, second, actor=ACTOR, now=now())
    phone = opened(world, world.cast.ada, viewport=PHONE)
    phone.get_by_label("Card").select_option(index=1)
    world.charger.status("Preparing")
    eventually(lambda: Connector.select().where(Connector.status == "Preparing").exists())
    shows(phone, "Getting ready")
    expect(phone.get_by_label("Card").locator("option:checked")).to_have_count(1)
    assert phone.get_by_label("Card").evaluate("select => select.selectedIndex") == 1
    press(phone)
    phone.wait_for_url("**/sessions/*")
    assert Command.select().where(Command.arguments.contains(second)).exists()
