"""The pages of the latency benchmark in Chromium: when their DOM showed each revision.

The offset of the page's clock to this process's is taken from the fastest of some reads of it.
"""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, Playwright, expect

from tests.support import chromium

CLOCK_READS = 50
LIVE_TIMEOUT_MS = 30_000
OBSERVE = """(id) => {
  window.shown = [];
  const look = () => {
    const revision = Number(document.getElementById(id).dataset.revision);
    if (revision !== window.shown.at(-1)?.[0]) window.shown.push([revision, performance.now()]);
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""


class ChromiumPages:
    """Sessions' pages in one Chromium, each in a browser context of its own; `streams` are pairs of path and cookie."""

    def __init__(self, playwright: Playwright, base_url: str, streams: list[tuple[str, str]]) -> None:
        self._browser = chromium.launch(playwright)
        self._pages = [self._open(base_url, *stream) for stream in streams]

    def shown(self) -> list[list[tuple[int, float]]]:
        """Return for each page the revisions that it showed, and when by this process's perf_counter."""
        return [[(revision, offset + at / 1000) for revision, at in page.evaluate("window.shown")]
                for page, offset in self._pages]  # fmt: skip

    def close(self) -> None:
        self._browser.close()

    def _open(self, base_url: str, path: str, cookie: str) -> tuple[Page, float]:
        context = self._browser.new_context(base_url=base_url)
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": base_url}])
        page = context.new_page()
        page.goto(path.removeprefix("/live"))
        expect(page.locator("#stream")).to_have_attribute("data-status", "live", timeout=LIVE_TIMEOUT_MS)
        page.evaluate(OBSERVE, f"session-{path.rpartition('/')[2]}-figures")
        return page, min(self._clock_offset(page) for _ in range(CLOCK_READS))[1]

    @staticmethod
    def _clock_offset(page: Page) -> tuple[float, float]:
        """Return how long a read of the page's clock took, and what to add to that clock, in seconds."""
        asked = time.perf_counter()
        page_ms: Any = page.evaluate("performance.now()")
        took = time.perf_counter() - asked
        return took, asked + took / 2 - page_ms / 1000
