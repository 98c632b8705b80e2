"""Owns axe-core, as people meet a page in Chromium: what is wrong with it for those who see or press otherwise."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

WIDTHS = (1200, 320)
# All that colours change. In dark, a page is what it is in light but for them.
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}


def findings(page: Page) -> list[str]:
    """What is wrong with an open page, in light and dark, on a desk and on the smallest screen."""
    page.evaluate(AXE_SCRIPT)
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for scheme, rules in RULES.items():
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [f"{page.url}, {scheme}, {width} px: {words}" for words in _violations(page, rules)]
        if page.evaluate("document.scrollingElement.scrollWidth > innerWidth"):
            found.append(f"{page.url}, {width} px: it scrolls sideways")
    return found


def _violations(page: Page, rules: dict[str, Any]) -> list[str]:
    result = page.evaluate("(options) => axe.run(options)", {"resultTypes": ["violations"], **rules})
    return [
        f"{violation['id']}: {node['html']}: {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
