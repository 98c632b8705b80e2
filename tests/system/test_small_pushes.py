"""The open page of a session after many small pushes, in the browser: it is the page that would be loaded now."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.wait import eventually
from tests.system.world import SessionView, World

IS_AS_LOADED_NOW = """async () => {
  const loaded = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  const texts = (row) => [row.querySelector("time").dateTime, ...[...row.cells].slice(1).map((cell) => cell.innerText)];
  const shown = (root) => JSON.stringify([
    [...root.querySelectorAll(".timeline__table tr:has(time)")].map((row) => texts(row).map((text) => text.trim())),
    [...root.querySelectorAll(".curve__svg path")].map((path) => path.getAttribute("d")),
    root.querySelector(".live__energy").textContent.trim(),
  ]);
  return shown(document) === shown(loaded);
}"""


def is_as_loaded_now(page: SessionView) -> None:
    assert eventually(lambda: page.page.evaluate(IS_AS_LOADED_NOW))


def pushed(page: SessionView, since: str, rows: int) -> None:
    """Let the answer to a press be rows that came after a reading."""
    html = (
        f'<hx-partial hx-target="#session-{page.number}-readings" hx-swap="outerMorph"><tbody'
        f' id="session-{page.number}-readings" data-revision="9999" data-newest="9999" data-since="{since}"'
        f' data-rows="{rows}"><tr><th scope="row">a row</th><td></td><td></td><td></td></tr></tbody></hx-partial>'
    )
    page.is_answered(html)


def test_page_after_many_readings(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.watch(world.cast.ada, number)
    rows = page.fragment("readings").locator("tr")
    for place in range(1, 26):
        world.charger.deliver(place * 100, power_w=7000)
        if place in (1, 3, 20, 21):
            page.shows(f"{place / 10:.2f}", noun="live")
            is_as_loaded_now(page)
    page.shows("2.50", noun="live")
    is_as_loaded_now(page)
    expect(rows).to_have_count(20)
    expect(rows.first).to_contain_text("2.50")
    expect(page.fragment("readings")).not_to_have_attribute("data-since", re.compile(".*"))
    expect(page.fragment("recent")).to_have_accessible_name(re.compile("Energy has grown to 2.50 kWh"))


def test_rows_that_do_not_follow_on_are_asked_for(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    for energy_wh in (100, 200, 300):
        world.charger.deliver(energy_wh)
    page = world.watch(world.cast.ada, number)
    page.shows("0.30", noun="timeline")
    newest = page.fragment("readings").get_attribute("data-newest") or ""
    with page.page.expect_response(re.compile("/live/sessions/.*once")):
        pushed(page, since="1234567", rows=4)
    page.does_not_show("a row")
    pushed(page, since=newest, rows=3)
    rows = page.fragment("readings").locator("tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("a row")
    expect(rows.nth(1)).to_contain_text("0.30")
