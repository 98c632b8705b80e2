"""Operators' lists in Chromium: by keyboard, on the smallest screen, without JavaScript, and live under a filter."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.system.world import World


def open_list(world: World, path: str, **options) -> Page:
    page = world.sign_in(world.cast.olga, **options)
    page.goto(path)
    return page


def test_session_appears_and_leaves_under_filter(world: World) -> None:
    page = open_list(world, f"/sessions?status=active&charger={world.cast.depot_7.identity}")
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    page.get_by_label("Card").fill("half-typed")
    number = world.charger.start(world.cast.ada.id_tag)
    line = page.locator(f"#session-{number}-line")
    expect(line).to_contain_text(world.cast.ada.email)
    world.charger.deliver(2200, power_w=7000)
    expect(line).to_contain_text("2.20 kWh")
    world.charger.end()
    expect(line).to_have_count(0)
    expect(page.get_by_label("Card")).to_have_value("half-typed")


def test_filter_by_keyboard(world: World) -> None:
    page = open_list(world, "/audit")
    page.get_by_label("Who").focus()
    page.keyboard.type("nobody@example.com")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/audit\?actor=nobody%40example\.com"))
    expect(page.get_by_role("main")).to_contain_text("No matching entries.")
    page.get_by_role("link", name="Clear filters").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/audit$"))
    expect(page.get_by_role("row").nth(1)).to_be_visible()


def test_without_javascript(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = open_list(world, "/sessions", java_script_enabled=False)
    page.get_by_label("Status").select_option("In progress")
    page.get_by_label("Driver").fill(world.cast.ada.email)
    page.get_by_role("button", name="Show").click()
    expect(page.locator(f"#session-{number}-line")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    expect(page).to_have_url(re.compile("/sessions$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_smallest_screen(world: World, scheme: str) -> None:
    world.charger.start(world.cast.ada.id_tag)
    page = open_list(world, "/sessions", viewport={"width": 320, "height": 640}, color_scheme=scheme)
    own = f"/fleet/{world.cast.depot_7.identity}"
    paths = ("/sessions", "/sessions?driver=nobody", "/audit", "/audit?actor=nobody")
    for path in (*paths, f"{own}/messages", f"{own}/settings/compare"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
