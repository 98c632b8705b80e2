"""Owns a whole Polaris: every process of the Procfile, a charger on a real socket, people in Chromium."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import redis
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, expect

from polaris.config import Config
from polaris.pubsub import commands_channel
from simulator.charger import Charger, OnRemoteStop, Transaction
from simulator.command_responses import OnCommand
from tests.support.cast import Cast, Person
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey
from tests.support.wait import eventually

T = TypeVar("T")

METER_START_WH = 1000
DONE_WITHIN_S = 60
NO_WORKER = "delete window.SharedWorker"


class ChargerInTown:
    """The simulator's charger, driven from a test that is no coroutine."""

    def __init__(self, url: str, identity: str, key: str, *, kind: type[Charger] = Charger, **wire: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="charger", daemon=True)
        self._thread.start()
        self._charger = self._do(self._make(kind, url, identity, key, **wire))
        self.transaction: Transaction | None = None

    def connect(self) -> None:
        self._charger.connection.reconnects = True
        self._do(self._charger.connect(eventually=True))
        self._do(self._charger.boot())

    def tap(self, id_tag: str) -> str:
        """Ask whether a card may charge; return the answer."""
        return self._do(self._charger.authorize(id_tag))

    def start(self, id_tag: str, *, connector: int = 1) -> int:
        """Start a session; return its number."""
        self._do(self._charger.status(connector, "Charging"))
        started = self._charger.start_transaction(id_tag, connector=connector, meter_start_wh=METER_START_WH)
        self.transaction = self._do(started)
        return self.transaction.id

    def deliver(self, energy_wh: int, *, wait: bool = True, **values: Any) -> None:
        """Report that the running session has delivered so much."""

        async def send() -> None:
            assert self.transaction is not None
            answer = self._charger.meter_values(self.transaction, METER_START_WH + energy_wh, **values)
            if wait:
                await answer

        self._do(send())

    def status(self, status: str) -> None:
        self._do(self._charger.status(1, status))

    def fault(self, connector: int, error_code: str, info: str = "") -> None:
        self._do(self._charger.status(connector, "Faulted", error_code, info))

    def end(self, *, reason: str = "Local") -> None:
        assert self.transaction is not None
        self._do(self._charger.stop_transaction(self.transaction, reason=reason))

    def obey(self, how: OnRemoteStop) -> None:
        """What it does with the next remote stops."""
        self._charger.on_remote_stop = how

    def respond(self, **by_action: OnCommand | dict[str, Any]) -> None:
        """How it answers commands from now on, where that is not the usual."""
        self._charger.on_command |= by_action

    def configure(self, settings: dict[str, str]) -> None:
        """Give it settings beside its first ones."""
        self._charger.configuration.settings |= settings

    def answer_late(self, action: str = "RemoteStopTransaction") -> None:
        """Answer the stop, once it has come: pages say that it was sent as soon as it is asked for."""
        eventually(lambda: self.asked(action))
        self._do(self._charger.answer_late())

    def stops(self) -> int:
        return self.asked("RemoteStopTransaction")

    def asked(self, action: str) -> int:
        """How often it was asked for this. Where readings are missed it is asked for them, too, whenever that is."""
        return [sent for sent, _ in self._charger.commands].count(action)

    def waits_for_a_car(self) -> None:
        """Begin no session by itself with a start that it accepts."""
        self._charger.starts = False

    def disconnect(self) -> None:
        """Leave, and stay away until `connect`."""
        self._do(self._charger.close())

    def close(self) -> None:
        self._do(self._charger.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @staticmethod
    async def _make(kind: type[Charger], url: str, identity: str, key: str, **wire: Any) -> Charger:
        return kind(url, identity, key, max_pause_s=0.5, **wire)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=DONE_WITHIN_S)


@dataclass(frozen=True)
class Polaris:
    """The processes of the Procfile, and their settings."""

    config: Config
    processes: Processes
    web: Process
    bridge: Process


@dataclass
class World:
    """A Polaris, the people and a charger: all that a system test has at hand."""

    polaris: Polaris
    cast: Cast
    valkey: Valkey
    browser: Browser
    charger: ChargerInTown
    contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def config(self) -> Config:
        return self.polaris.config

    @property
    def web(self) -> Process:
        return self.polaris.web

    @property
    def bridge(self) -> Process:
        return self.polaris.bridge

    def commands_arrive(self, identity: str = "", *, do: bool = True) -> None:
        """Wait until a bridge listens for a charger's commands, depot-7's if none is named, or none does any longer."""
        with redis.Redis.from_url(self.config.redis_url) as client:
            channel = commands_channel(identity or self.cast.depot_7.identity)
            eventually(lambda: bool(client.pubsub_numsub(channel)[0][1]) is do)

    def sign_in(self, person: Person, *, has_worker: bool = True, **options: Any) -> Page:
        """A browser of its own, with `person` signed in; keywords go to the browser's context.

        Without SharedWorker its pages have streams of their own, which Playwright's routes see.
        """
        context = self.browser.new_context(**{"base_url": self.web.url} | options)
        self.contexts.append(context)
        if not has_worker:
            context.add_init_script(NO_WORKER)
        page = context.new_page()
        response = page.goto("/sign-in")
        assert response is not None
        assert response.ok, response.text()
        page.get_by_label("E-mail").fill(person.email)
        page.get_by_label("Password", exact=True).fill(person.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "sign-in" not in url)
        return page

    def watch(self, person: Person, number: int, **options: Any) -> SessionView:
        """`person` opens the page of a session and its stream is open."""
        page = self.sign_in(person, **options)
        page.goto(f"/sessions/{number}")
        shown = SessionView(page, number)
        if options.get("java_script_enabled", True):
            shown.is_live()
        return shown


def posted(page: Page, button: Locator) -> Response:
    """Press a button of a page without JavaScript; return the answer to its form once it is there."""
    with page.expect_response(lambda response: response.request.method == "POST") as answered:
        button.click()
    return answered.value


class SessionView:
    """A session's page as a person reads it. Every check waits, and none reloads."""

    def __init__(self, page: Page, number: int) -> None:
        self.page = page
        self.number = number
        self.main = page.get_by_role("main")
        page.evaluate("window.hasStayed = true")

    def is_live(self) -> None:
        """Its stream is open."""
        expect(self.page.locator("#stream")).to_have_attribute("data-status", "live")

    def fragment(self, noun: str) -> Locator:
        return self.page.locator(f"#session-{self.number}-{noun}")

    def shows(self, text: str, *, noun: str = "") -> None:
        expect(self.fragment(noun) if noun else self.main).to_contain_text(text)

    def does_not_show(self, text: str) -> None:
        expect(self.main).not_to_contain_text(text)

    @property
    def button(self) -> Locator:
        return self.page.locator(f"#session-{self.number}-stop-button")

    def stop(self) -> None:
        expect(self.button).to_be_enabled()
        self.button.click()

    def is_answered(self, html: str) -> None:
        """Press the button, and get this for an answer, as if it were the server's."""
        headers = {"Content-Type": "text/html", "Polaris-Viewer": "anyone"}
        self.page.route("**/stop_requests", lambda route: route.fulfill(body=html, headers=headers))
        self.page.evaluate(
            "window.answered = false;"
            "addEventListener('htmx:after:swap', ({ target }) => { window.answered ||= target.matches('button'); });"
        )
        self.stop()
        assert eventually(lambda: self.page.evaluate("window.answered"))
        expect(self.button).to_be_enabled()

    def has_stayed(self) -> bool:
        """Whether it is still the page that was opened, never loaded again."""
        return bool(self.page.evaluate("window.hasStayed === true"))

    def is_completed(self) -> None:
        self.shows("Completed", noun="header")
        self.shows("Total kWh", noun="live")
        self.shows("Unplug", noun="live")
        self.shows("Final reading", noun="timeline")
        expect(self.button).to_have_count(0)
