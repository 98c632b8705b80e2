"""A press that cannot be sent within seconds says so, and is never carried out later."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from time import time

import psutil
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import expect

from polaris.models import ChargingSession, StopRequest
from polaris.web.page_guards import MAX_PRESS_AGE_S, PRESSED_AT
from tests.support import forms
from tests.support.cast import Cast
from tests.support.charging import Charging
from tests.support.proxies import HoldingProxy, Portal
from tests.support.stopping import stop_between_writes
from tests.support.wait import eventually
from tests.system.world import World

UNSENT = "No answer came. The stop will not be sent later. Try again."
SAYS_SO_WITHIN_MS = 12_000


@pytest.fixture
def proxy(world: World) -> Iterator[HoldingProxy]:
    proxy = HoldingProxy(world.config.port)
    yield proxy
    proxy.close()


def test_held_press_is_never_sent_later(world: World, proxy: HoldingProxy) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number, base_url=proxy.url)
    proxy.hold()
    page.stop()
    expect(page.main.get_by_role("alert")).to_contain_text(UNSENT, timeout=SAYS_SO_WITHIN_MS)
    expect(page.button).to_be_enabled()
    assert proxy.held
    proxy.release()
    eventually(lambda: any(" 412 " in line for line in proxy.answered))
    assert StopRequest.select().where(StopRequest.session == session_id(number)).count() == 0
    expect(page.main.get_by_role("alert")).to_be_visible()
    page.stop()
    page.is_completed()


def test_failed_press_stays_said(own_world: World) -> None:
    """Live updates go on after the server is back: somebody who looked away has to learn of it."""
    world = own_world
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    page.is_live()
    frozen = psutil.Process(world.web.pid).children()
    stop_between_writes([process.pid for process in frozen])
    try:
        page.stop()
        expect(page.button).to_have_text("Sending…")
        expect(page.button).to_have_attribute("aria-busy", "true")
        expect(page.main.get_by_role("alert")).to_contain_text(UNSENT, timeout=SAYS_SO_WITHIN_MS)
        expect(page.button).to_have_text("Stop charging")
    finally:
        for process in frozen:
            process.send_signal(signal.SIGCONT)
    for energy_wh in (900, 1300):
        world.charger.deliver(energy_wh)
        page.shows(f"{energy_wh / 1000:.2f}", noun="live")
    expect(page.main.get_by_role("alert")).to_be_visible()
    page.stop()
    page.is_completed()
    expect(page.main.get_by_role("alert")).to_be_hidden()


def session_id(number: int) -> int:
    found: int = ChargingSession.get(ChargingSession.number == number).id
    return found


def test_portal_answer_is_no_answer(own_world: World) -> None:
    world = own_world
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    world.web.stop()
    portal = Portal(world.config.port, 200)
    page.stop()
    expect(page.main.get_by_role("alert")).to_contain_text(UNSENT, timeout=SAYS_SO_WITHIN_MS)
    page.does_not_show("hotel")
    portal.close()
    world.web.start()
    page.stop()
    page.is_completed()


@pytest.mark.parametrize("htmx", [False, True])
def test_late_press_refused(client: FlaskClient, people: Cast, charging: Charging, htmx: bool) -> None:
    number = charging.start(people.ada.id_tag)
    forms.sign_in(client, people.ada)
    for age_s, status in ((MAX_PRESS_AGE_S + 1, 412), (0, 200 if htmx else 303)):
        headers = {PRESSED_AT: str(int((time() - age_s) * 1000))} | ({"HX-Request": "true"} if htmx else {})
        path = f"/sessions/{number}"
        answer = forms.post(client, f"{path}/stop_requests", page=path, headers=headers)
        assert answer.status_code == status
        assert StopRequest.select().count() == (status != 412)


@pytest.mark.parametrize("odd", ["", "soon", "-5", "9" * 400, "١٢"])
def test_odd_instants_ignored(client: FlaskClient, people: Cast, charging: Charging, odd: str) -> None:
    number = charging.start(people.ada.id_tag)
    forms.sign_in(client, people.ada)
    path = f"/sessions/{number}"
    answer = forms.post(
        client, f"{path}/stop_requests", page=path, headers={PRESSED_AT: odd.encode().decode("latin-1")}
    )
    assert answer.status_code == 303
