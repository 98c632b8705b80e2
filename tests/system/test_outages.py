"""What goes away in mid-session, and the page that is right again by itself."""

from __future__ import annotations

import os
import re
import signal

import psutil
import pytest
from playwright.sync_api import expect

from polaris import administration
from polaris.models import SignIn
from polaris.pubsub import Publisher
from simulator.charger import OnRemoteStop
from tests.support.cast import ACTOR, now
from tests.support.stopping import stop_between_writes
from tests.system.world import SessionView, World

FAILED = "Charger could not stop the session. Please try again."


@pytest.fixture
def world(own_world: World) -> World:
    """A Polaris to take apart."""
    return own_world


def running(world: World) -> SessionView:
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(1000)
    page = world.watch(world.cast.ada, number)
    page.shows("1.00", noun="live")
    return page


def goes_on(world: World, page: SessionView, energy_wh: int) -> None:
    """The next reading comes to the page, and a stop ends the session, without a reload."""
    world.charger.deliver(energy_wh)
    page.shows(f"{energy_wh / 1000:.2f}", noun="live")
    world.commands_arrive()
    page.stop()
    page.is_completed()
    assert page.has_stayed()


def test_web_restart(world: World) -> None:
    page = running(world)
    world.web.restart()
    goes_on(world, page, 2000)


@pytest.mark.settings(STOP_ANSWER_S="10")
def test_web_killed_with_pending_stop(world: World) -> None:
    page = running(world)
    world.charger.obey(OnRemoteStop.SILENT)
    page.stop()
    page.shows("sent to the charger", noun="stop")
    world.web.kill()
    world.web.start()
    page.shows(FAILED, noun="stop")
    assert page.has_stayed()


def test_bridge_restart(world: World) -> None:
    page = running(world)
    world.bridge.restart()
    goes_on(world, page, 2000)


@pytest.mark.settings(LEASE_S="4")
def test_killed_bridge_reads_offline(world: World) -> None:
    page = running(world)
    world.bridge.kill()
    page.shows("not connected right now", noun="live")
    world.charger.deliver(1500, wait=False)  # the charger keeps it
    world.commands_arrive(do=False)
    page.stop()
    page.shows(FAILED, noun="stop")
    world.bridge.start()
    page.shows("1.50", noun="live")
    page.does_not_show("not connected right now")
    goes_on(world, page, 2000)


@pytest.mark.settings(STOP_ANSWER_S="10")
def test_bridge_killed_with_pending_stop(world: World) -> None:
    page = running(world)
    world.charger.obey(OnRemoteStop.SILENT)
    page.stop()
    page.shows("sent to the charger", noun="stop")
    world.bridge.kill()
    page.shows(FAILED, noun="stop")
    world.bridge.start()
    world.charger.obey(OnRemoteStop.ACCEPT)
    goes_on(world, page, 2000)


def test_valkey_restart(world: World) -> None:
    page = running(world)
    world.valkey.stop()
    world.charger.deliver(1700)
    page.stop()
    page.shows("The stop did not reach the charger", noun="stop")
    world.valkey.start()
    page.shows("1.70", noun="live")
    goes_on(world, page, 2000)


def test_first_connect_retried(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    browser_page = world.sign_in(world.cast.ada, has_worker=False)
    refused: list[str] = []

    def refuse_twice(route) -> None:
        refused.append(route.request.url)
        if len(refused) <= 2:
            route.abort("connectionrefused")
        else:
            route.continue_()

    browser_page.route(re.compile(r"/live/\?topic="), refuse_twice)
    browser_page.goto(f"/sessions/{number}")
    page = SessionView(browser_page, number)
    page.is_live()
    world.charger.deliver(800)
    page.shows("0.80", noun="live")
    assert len(refused) >= 3
    assert page.has_stayed()


def test_silent_stream_reconnected(world: World) -> None:
    page = running(world)
    master = psutil.Process(world.web.pid)
    frozen = master.children()
    notice = page.page.locator("#connection")
    world.charger.deliver(1100)
    page.shows("1.10", noun="live")  # the stream has said by now how often its heartbeats come
    expect(notice).to_be_hidden()
    stop_between_writes([process.pid for process in frozen])
    try:
        expect(notice).to_be_visible(timeout=20_000)  # gunicorn itself gives up on them after thirty seconds
        expect(notice).to_contain_text("Trying again")
    finally:
        for process in frozen:
            process.send_signal(signal.SIGCONT)
    world.charger.deliver(1900)
    page.shows("1.90", noun="live")
    expect(notice).to_be_hidden()
    assert page.has_stayed()
    assert os.path.exists(f"/proc/{world.web.pid}")


def test_device_signed_out_elsewhere(world: World) -> None:
    page = running(world)
    device = SignIn.get(SignIn.account == world.cast.ada.id)
    publisher = Publisher(world.config.redis_url)
    administration.sign_out(publisher, device.account_id, device.id, actor=ACTOR, now=now())
    publisher.close()
    page.page.wait_for_url(re.compile(r"/sign-in\?next="))


def test_signed_out_while_stream_is_down(world: World) -> None:
    page = running(world)
    world.web.stop()
    SignIn.update(revoked_at=now()).execute()
    world.web.start()
    page.page.wait_for_url(re.compile(r"/sign-in\?next="))
