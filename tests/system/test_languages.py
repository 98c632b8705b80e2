"""Each page in each language, on the smallest screen: nothing is wider than it, and no word is cut off."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from polaris.domain.languages import NAMES
from tests.system.furnished import Places, furnish
from tests.system.world import World

SMALLEST = {"width": 320, "height": 640}
CUT_OFF = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const { overflowX, textOverflow, clipPath } = getComputedStyle(element);
  const isHidden = ["hidden", "clip"].includes(overflowX) && textOverflow !== "ellipsis" && clipPath === "none";
  return isHidden && element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1;
}).map((element) => element.outerHTML.slice(0, 200))"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def world(own_world: World) -> World:
    return own_world


def misfits(page: Page, paths: tuple[str, ...], language: str) -> list[str]:
    """What does not fit on some pages."""
    found = []
    for path in paths:
        page.goto(path)
        assert page.get_attribute("html", "lang") == language, path
        if page.evaluate("document.scrollingElement.scrollWidth > innerWidth"):
            found.append(f"{path} scrolls sideways")
        found += [f"{path} cuts off {html}" for html in page.evaluate(CUT_OFF)]
    return found


@pytest.mark.parametrize("language", NAMES)
def test_every_page_fits(world: World, site: str, language: str) -> None:
    places = furnish(world)
    found = []
    for person, pages in (
        (None, (Places.of_nobody,)),
        (world.cast.ada, (Places.of_driver,)),
        (world.cast.olga, (Places.of_operator, Places.of_lists, Places.of_chargers, Places.of_forms)),
    ):
        context = world.browser.new_context(base_url=site, locale=language, viewport=SMALLEST)
        world.contexts.append(context)
        page = context.new_page()
        if person is not None:
            page.goto("/sign-in")
            page.locator("[name=email]").fill(person.email)
            page.locator("[name=password]").fill(person.password)
            page.locator(".sign-in form button[type=submit]").first.click()
            page.wait_for_url(lambda url: "/sign-in" not in url)
        for paths in pages:
            found += misfits(page, paths(places), language)
    assert found == [], "\n".join(found)
