"""Owns the browser: Debian's Chromium, found or installed, driven through Playwright.

`python -m tests.support.chromium` makes sure that there is one: `make test` runs it before the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from playwright.sync_api import Browser, Playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "apt-get update && apt-get install -y chromium"
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
    assert path is not None, f"no Chromium; install one: {INSTALL}"
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


def main() -> None:
    if find():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"The browser tests need Chromium. Install it with: sudo sh -c '{INSTALL}'")
    print("Installing Chromium for the browser tests", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["sh", "-c", INSTALL]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit(f"Chromium could not be installed. The command was: {INSTALL}")


if __name__ == "__main__":
    main()
