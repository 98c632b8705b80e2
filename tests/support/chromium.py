"""Owns the browser: Debian's Chromium, found or installed, driven through Playwright.

`python -m tests.support.chromium` makes sure that there is one: `make test` runs it before the tests.
"""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Browser, Playwright, expect

from tests.support import debian

# How long whatever is expected of a page may take: the one without JavaScript loads itself again every ten seconds.
WITHIN_MS = 30_000
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",  # Chromium refuses to run as root with its sandbox
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find() -> str | None:
    """The browser's path: the `CHROMIUM` variable's, else the first one installed."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, PROGRAMS)), None)


def launch(playwright: Playwright) -> Browser:
    """Start a browser. Playwright gives each one a new user data directory of its own."""
    path = find()
    assert path is not None, f"no Chromium; install one: {debian.command('chromium')}"
    expect.set_options(timeout=WITHIN_MS)
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


def main() -> None:
    if not find():
        debian.install("Chromium", "chromium")


if __name__ == "__main__":
    main()
