"""A charger's messages in Chromium: live under a filter, by keyboard, on the smallest screen, without JavaScript."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.system.world import World


def open_messages(world: World, query: str = "", **options) -> Page:
    page = world.sign_in(world.cast.olga, **options)
    page.goto(f"/fleet/{world.cast.depot_7.identity}")
    if query:
        page.goto(f"/fleet/{world.cast.depot_7.identity}/messages?{query}")
    else:
        page.get_by_role("link", name="All messages").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Messages of")
    return page


def test_what_matches_comes_by_itself(world: World) -> None:
    page = open_messages(world, "action=StatusNotification&bad=1")
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    rows = page.locator(".message-line")
    expect(page.get_by_role("main")).to_contain_text("No matching messages.")
    page.get_by_label("Text").fill("half-typed")
    world.charger.start(world.cast.ada.id_tag)
    world.charger.fault(2, "GroundFailure")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Connector 2: Faulted (GroundFailure)")
    rows.get_by_text("Raw").click()
    world.charger.fault(2, "HighTemperature")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("HighTemperature")
    expect(rows.last.locator("details")).to_have_attribute("open", "")  # what was unfolded stays so
    expect(page.get_by_label("Text")).to_have_value("half-typed")


def test_download_by_keyboard(world: World, tmp_path: Path) -> None:
    world.charger.start(world.cast.ada.id_tag)
    page = open_messages(world)
    page.get_by_label("Kind").focus()
    page.keyboard.type("StartTransaction")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("action=StartTransaction"))
    expect(page.locator(".message-line").first).to_contain_text("Session begun with card")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download what matches").press("Enter")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["direction"] for line in lines} == {"open", "in", "out"}
    assert world.cast.ada.id_tag not in file.read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_smallest_screen_without_javascript(world: World, scheme: str) -> None:
    options = {"viewport": {"width": 320, "height": 640}, "color_scheme": scheme, "java_script_enabled": False}
    page = open_messages(world, **options)
    page.get_by_label("Direction").select_option("Connections")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".message-line").first).to_contain_text("Connected with OCPP")
    width = page.locator("html").bounding_box()
    assert width is not None
    assert width["width"] <= 320
    expect(page.get_by_role("link", name="Clear filters")).to_be_visible()
