"""The page that compares settings in Chromium: what is read from the charger, and what it accepts, comes by itself."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from polaris import administration, models
from polaris.domain.settings import Access, Setting
from tests.support.cast import ACTOR, now
from tests.system.world import World

SETTING = "HeartbeatInterval"


def test_comparison_follows(world: World) -> None:
    world.commands_arrive()
    wanted = Setting("", 0, 0, SETTING, "77", Access.READ_WRITE)
    with models.database.connection_context():
        administration.save_baseline("Good", world.cast.depot_7.identity, [wanted], actor=ACTOR, now=now())
    page, other = (world.sign_in(world.cast.olga) for _ in range(2))
    page.goto(f"/fleet/{world.cast.depot_7.identity}/settings/compare?baseline=Good")
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    page.evaluate("window.hasStayed = true")
    page.get_by_label("Identity of the other charger").fill("typed")
    expect(page.get_by_text("has reported no settings yet")).to_be_visible()
    read(other, world)
    row = page.get_by_role("row").filter(has_text=SETTING)
    row.get_by_role("link", name="Set as there").wait_for()
    other.goto(page.url)
    other.get_by_role("row").filter(has_text=SETTING).get_by_role("link", name="Set as there").click()
    other.get_by_role("button", name="Send", exact=True).click()
    expect(other).to_have_url(page.url)  # where it was asked for
    expect(row).to_contain_text("Set to 77, not read again since")
    expect(row.get_by_role("link")).to_have_count(0)
    read(other, world)
    expect(row).not_to_have_attribute("data-status", "different")
    expect(row).not_to_contain_text("Set to")
    assert page.get_by_label("Identity of the other charger").input_value() == "typed"
    assert page.evaluate("window.hasStayed === true")


def read(page: Page, world: World) -> None:
    """Ask the charger for its settings."""
    page.goto(f"/fleet/{world.cast.depot_7.identity}/commands/get-configuration")
    page.get_by_role("button", name="Send", exact=True).click()


def test_long_value_leaves_room_for_the_rest(world: World) -> None:
    world.commands_arrive()
    world.charger.configure({"Long": "x" * 500})
    page = world.sign_in(world.cast.olga, viewport={"width": 1200, "height": 800})
    read(page, world)
    page.goto(f"/fleet/{world.cast.depot_7.identity}")
    row = page.locator("#settings-title ~ * tr").filter(has_text=SETTING)
    for part in (row.get_by_role("link", name="Change"), row.get_by_role("rowheader")):
        box = part.bounding_box()
        assert box is not None
        assert box["height"] < 40, part  # on one line
