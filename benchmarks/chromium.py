"""Owns the pages that the latency benchmark watches in Chromium: when their DOM came to show each revision.

The page's clock is compared with this process's by asking for it; the quickest answer counts.
"""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, Playwright, expect

from tests.support import chromium

ASKED = 50
WITHIN_MS = 30_000
OBSERVE = """(id) => {
  window.shown = [];
  const look = () => {
    const revision = Number(document.getElementById(id).dataset.revision);
    if (revision !== window.shown.at(-1)?.[0]) window.shown.push([revision, performance.now()]);
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""


class Pages:
    """Sessions' pages in one Chromium, each in a browser context of its own. Streams as (path, cookie)."""

    def __init__(self, playwright: Playwright, base_url: str, streams: list[tuple[str, str]]) -> None:
        self._browser = chromium.launch(playwright)
        self._pages = [self._open(base_url, *stream) for stream in streams]

    def shown(self) -> list[list[tuple[int, float]]]:
        """Of each page, the revisions that it came to show and when, by this process's perf_counter."""
        return [[(revision, ahead + at / 1000) for revision, at in page.evaluate("window.shown")]
                for page, ahead in self._pages]  # fmt: skip

    def close(self) -> None:
        self._browser.close()

    def _open(self, base_url: str, path: str, cookie: str) -> tuple[Page, float]:
        context = self._browser.new_context(base_url=base_url)
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": base_url}])
        page = context.new_page()
        page.goto(path.removeprefix("/live"))
        expect(page.locator("#stream")).to_have_attribute("data-status", "live", timeout=WITHIN_MS)
        page.evaluate(OBSERVE, f"session-{path.rpartition('/')[2]}-live")
        return page, min(self._ahead(page) for _ in range(ASKED))[1]

    @staticmethod
    def _ahead(page: Page) -> tuple[float, float]:
        """How long the page took to say its time, and what has to be added to that, in seconds."""
        asked = time.perf_counter()
        said: Any = page.evaluate("performance.now()")
        took = time.perf_counter() - asked
        return took, asked + took / 2 - said / 1000
