"""The main job in every way that it can go: each state has its words and its way out, pushed, without a reload."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from polaris import administration
from polaris.domain.enums import AccountStatus, StopState
from polaris.models import StopRequest
from polaris.pubsub import Publisher
from simulator.charger import OnRemoteStop
from tests.support.cast import ACTOR, now
from tests.support.wait import eventually
from tests.system.world import World

FAILED = "Charger could not stop the session. Please try again."


def set_status(world: World, status: AccountStatus) -> None:
    publisher = Publisher(world.config.redis_url)
    administration.set_account_status(publisher, world.cast.ada.email, status, actor=ACTOR, now=now())
    publisher.close()


def test_accepted_stop_waits_for_final_reading(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    world.charger.obey(OnRemoteStop.ACCEPT_SILENT)
    page.stop()
    page.shows("the charger accepted, waiting for its final reading", noun="stop")
    world.charger.end(reason="Remote")
    page.is_completed()
    first_row = page.fragment("timeline").locator("tbody tr").first
    expect(first_row).to_contain_text("Final reading")
    world.charger.deliver(9999)
    page.page.reload()
    expect(page.fragment("timeline").locator("tbody tr").first).to_contain_text("Final reading")
    page.shows("0.00", noun="live")


def test_reload_while_pending(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    world.charger.obey(OnRemoteStop.ACCEPT_SILENT)
    page.stop()
    page.shows("the charger accepted")
    page.page.reload()
    page.shows("the charger accepted")
    expect(page.button).to_be_disabled()
    world.charger.end(reason="Remote")
    page.is_completed()


def run_out(number: int) -> None:
    """The deadline of the open stop has come, now that what comes before it was seen."""
    StopRequest.update(deadline_at=now()).where(StopRequest.session == number).execute()


@pytest.mark.settings(STOP_ANSWER_S="10")
@pytest.mark.parametrize(
    ("how", "words"),
    [
        (OnRemoteStop.REJECT, FAILED),
        (OnRemoteStop.ERROR, FAILED),
        (OnRemoteStop.SILENT, FAILED),
        (OnRemoteStop.DISCONNECT, FAILED),
    ],
)
def test_failed_stop_counts_down_and_retries(world: World, how: OnRemoteStop, words) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    world.charger.obey(how)
    page.stop()
    page.shows(words, noun="stop")
    page.shows("In progress", noun="header")
    expect(page.button).to_be_disabled()
    expect(page.button.locator("[data-countdown]")).to_have_text(re.compile("^[1-7]$"))  # it counts down from ten
    assert "Stop it at the charger" not in page.main.inner_text()
    world.charger.obey(OnRemoteStop.ACCEPT)
    world.commands_arrive()
    page.stop()
    page.is_completed()
    assert page.has_stayed()


def test_second_failure_brings_advice(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    world.charger.obey(OnRemoteStop.REJECT)
    page.stop()
    page.shows(FAILED)
    page.stop()
    page.shows("Stop it at the charger, with the card or its stop button", noun="stop")
    page.shows("Olga, +49 30 1234", noun="stop")


def test_offline_charger_fails_at_once(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    world.charger.disconnect()
    page.shows("not connected right now", noun="live")
    world.commands_arrive(do=False)
    page.stop()
    page.shows(FAILED, noun="stop")
    page.shows("The charger is offline", noun="stop")
    world.charger.connect()
    page.does_not_show("not connected right now")
    world.charger.deliver(500)
    page.shows("0.50", noun="live")
    assert world.charger.stops() == 0


def test_accepted_without_end_becomes_overdue(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    world.charger.obey(OnRemoteStop.ACCEPT_SILENT)
    page.stop()
    page.shows("the charger accepted, waiting", noun="stop")
    run_out(number)
    page.shows("it was asked again", noun="stop")
    eventually(lambda: StopRequest.get(StopRequest.session == number).state == StopState.ACCEPTED)  # once more
    run_out(number)
    page.shows("The charger accepted the stop, but the session has not ended", noun="stop")
    page.shows("Olga, +49 30 1234", noun="stop")
    assert world.charger.stops() == 2
    page.shows("In progress", noun="header")
    world.charger.end()
    page.is_completed()
    assert page.has_stayed()


@pytest.mark.settings(STOP_ANSWER_S="10")
def test_late_yes_ends_well(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    world.charger.obey(OnRemoteStop.LATE)
    page.stop()
    page.shows(FAILED, noun="stop")
    world.charger.answer_late()
    page.is_completed()


def test_suspension_disables_open_button(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    set_status(world, AccountStatus.SUSPENDED)
    page.shows("Your account is suspended", noun="stop")
    expect(page.button).to_be_disabled()
    page.button.click(force=True)
    world.charger.deliver(700)
    page.shows("0.70", noun="live")
    assert not StopRequest.select().where(StopRequest.session == number).exists()
    page.page.get_by_role("link", name="What this means").click()
    expect(page.main).to_contain_text("suspended")
    set_status(world, AccountStatus.ACTIVE)
    expect(page.main).not_to_contain_text("suspended")


def test_interrupted_sessions_stay_in_progress(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    world.charger.status("SuspendedEV")
    page.shows("the car is full or paused", noun="live")
    world.charger.status("Charging")
    page.does_not_show("the car is full or paused")
    world.charger.status("Available")
    page.shows("final reading is still to come", noun="live")
    page.shows("In progress", noun="header")


def test_left_session_marked_until_end(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(3000)
    left = world.charger.transaction
    page = world.watch(world.cast.ada, number)
    world.charger.start(world.cast.ben.id_tag)
    page.shows("Completed", noun="header")
    page.shows("without the charger's own figures", noun="live")
    world.charger.transaction = left
    left.register_wh += 500
    world.charger.end()
    page.shows("3.50", noun="live")
    page.does_not_show("without the charger's own figures")


def test_list_updates_itself(world: World) -> None:
    page = world.sign_in(world.cast.ada)
    page.goto("/sessions")
    expect(page.get_by_role("main")).to_contain_text("No sessions yet.")
    number = world.charger.start(world.cast.ada.id_tag)
    row = page.locator(f"#session-{number}-row")
    expect(row).to_contain_text("In progress")
    world.charger.deliver(2500, power_w=7000)
    expect(row).to_contain_text("2.50")
    world.charger.end()
    expect(row).to_contain_text("Completed")
    page.get_by_role("link", name=f"Session #{number}").click()
    page.wait_for_url(f"**/sessions/{number}")
