"""Each page in Chromium: by axe-core, in light and dark, on a desk and on the smallest screen, without errors."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from flask import Flask
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.support import axe
from tests.system.furnished import Places, add_factors, furnish
from tests.system.world import World

NO_PAGE = (  # routes that answer GET with something else
    "static",
    "curve.",  # readings
    "start.show_with_slash",  # a redirect
    "live.",  # events
    "health.",
    "disclosure.",
    "installable.manifest",
    "installable.service_worker",
    "session_export.",
    "audit.export",
    "people.export",  # a question who one is, then a file
    "people_export.",
    "cards_export.",
    "chargers.show_settings",  # parts of pages
    "comparison.show_rows",
)
REFUSED = ("/nowhere", "/invitations/used", "/sessions?status=completed&from=2026-02-30")  # with a page that says why
CARDS = "email,id_tag\nada@example.com,NEW-1\nnobody@example.com,NEW-2"
OPERATOR_PAGES = (Places.of_operator, Places.of_lists, Places.of_chargers, Places.of_forms)

pytestmark = pytest.mark.timeout(300)  # each page is looked at four times, by a program that needs a processor


@pytest.fixture
def world(own_world: World) -> World:
    """A Polaris with one charger, and what happens there."""
    return own_world


@pytest.fixture
def places(world: World) -> Places:
    return furnish(world)


@pytest.fixture
def visitor(world: World, site: str) -> Page:
    """A browser in which nobody is signed in."""
    context = world.browser.new_context(base_url=site)
    world.contexts.append(context)
    return context.new_page()


class Watched:
    """A page whose console is listened to."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))

    def visit(self, paths: Iterable[str]) -> None:
        for path in paths:
            response = self.page.goto(path)
            assert response is not None
            assert response.ok is (path not in REFUSED), path
            self.look(path)

    def look(self, path: str = "") -> None:
        assert self.page.url.endswith(path), f"{path} leads to {self.page.url}"
        self.wrong += axe.findings(self.page)

    def is_right(self) -> None:
        assert self.wrong == []

    def _hear(self, message: ConsoleMessage) -> None:
        is_own_status = message.location["url"] == self.page.url and "Failed to load resource" in message.text
        if message.type in ("error", "warning") and not is_own_status:  # a page may be a refusal
            self.wrong.append(f"{self.page.url}: {message.text}")


def test_each_page_is_looked_at(app: Flask) -> None:
    """A page that is new is in the lists, too."""
    places, map_ = Places(), app.url_map.bind("localhost")
    listed = [*places.of_nobody(), *places.of_driver(), *places.of_factors()]
    listed += [path for pages in OPERATOR_PAGES for path in pages(places)]
    looked_at = {map_.match(path.partition("?")[0])[0] for path in listed if path != "/nowhere"}
    looked_at |= {"second_step.show", "electrician.show"}  # by tests of their own
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert {route for route in routes - looked_at if not route.startswith(NO_PAGE)} == set()


def test_nobody(visitor: Page, places: Places) -> None:
    watched = Watched(visitor)
    watched.visit(places.of_nobody())
    visitor.goto("/sign-in")
    visitor.get_by_label("E-mail").fill("ada@example.com")
    visitor.get_by_label("Password", exact=True).fill("wrong")
    visitor.get_by_role("button", name="Sign in").click()
    expect(visitor.get_by_role("alert")).to_be_visible()
    watched.look()
    watched.is_right()


def test_guests(world: World, visitor: Page, places: Places) -> None:
    """A screen in the office, and an electrician beside a charger."""
    watched = Watched(visitor)
    visitor.goto(f"/electrician/{places.electrician}")
    visitor.get_by_role("button", name="Open it").click()
    visitor.wait_for_url("**/electrician")
    watched.look()
    visitor.goto(f"/wall/{places.screen}")
    visitor.get_by_role("button", name="Show the fleet").click()
    visitor.wait_for_url("**/fleet?wall=1")
    watched.look()
    watched.is_right()


def test_driver(world: World, site: str, places: Places) -> None:
    watched = Watched(world.sign_in(world.cast.ada, base_url=site))
    watched.visit(places.of_driver())
    watched.is_right()


def test_second_factor(world: World, site: str, visitor: Page, places: Places) -> None:
    watched = Watched(world.sign_in(world.cast.ada, base_url=site))
    add_factors(world.cast.ada)
    watched.visit(places.of_factors())
    visitor.goto("/sign-in")
    visitor.get_by_label("E-mail").fill(world.cast.ada.email)
    visitor.get_by_label("Password", exact=True).fill(world.cast.ada.password)
    visitor.get_by_role("button", name="Sign in").click()
    visitor.wait_for_url("**/sign-in/second-step")
    second = Watched(visitor)
    second.look()
    watched.is_right()
    second.is_right()


@pytest.mark.parametrize("pages", OPERATOR_PAGES)
def test_operator(world: World, places: Places, pages) -> None:
    watched = Watched(world.sign_in(world.cast.olga))
    watched.visit(pages(places))
    watched.is_right()


def test_answers_to_forms(world: World, places: Places) -> None:
    """Pages that only a form leads to: a preview, questions, what is shown once, and what is wrong with a field."""
    page = world.sign_in(world.cast.olga)
    watched = Watched(page)

    def send(path: str, button: str, then: str, **typed: str) -> None:
        page.goto(path)
        for name, text in typed.items():
            page.get_by_role("main").locator(f"[name={name}]").fill(text)
        page.get_by_role("main").get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("main")).to_contain_text(then)
        watched.look()

    charger = f"identity={places.charger}"
    send("/cards/import", "Preview", "is refused", text=CARDS)
    send(f"/fleet/{places.charger}/commands/reset", "Send", "Send all the same")
    send("/actions/charger/add", "Add a charger", "not shown again", identity="depot-10")
    send("/actions/charger/add", "Add a charger", "already", identity="depot-10")
    send(f"/actions/charger/power?{charger}", "Set a charger's greatest power", "Type a number", kw="a lot")
    watched.is_right()
