"""The README's picture, docs/session.png: a real session in a real browser, from a simulated charger.

Run it with `.venv/bin/python -m scripts.picture`, after `make test` has installed what it needs.
"""

from __future__ import annotations

import asyncio
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from polaris import models
from polaris.config import Config
from scripts.scene import charge
from simulator.charger import Charger
from tests.support import cast, chromium
from tests.support.cast import Cast
from tests.support.ports import free_port
from tests.support.processes import Processes
from tests.support.valkey import Valkey

PICTURE = Path(__file__).parents[1] / "docs" / "session.png"
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PHONE: ViewportSize = {"width": 390, "height": 1130}


def main() -> None:
    valkey = Valkey()
    valkey.start()
    with tempfile.TemporaryDirectory() as directory:
        settings = {
            "SECRET_KEY": "a-secret-key-only-for-a-picture-0123456789",
            "CHARGER_KEY_SECRETS": "1:a-charger-key-secret-only-for-a-picture",
            "DATABASE_URL": f"sqlite:///{directory}/polaris.db",
            "REDIS_URL": valkey.url,
        } | {name: str(free_port()) for name in ("PORT", "OCPP_PORT", "OCPP_HEALTH_PORT")}
        config = Config.from_env(settings)
        models.connect(config.database_url)
        models.migrate()
        everybody = cast.everybody(config)
        processes = Processes(settings | {"HOST": config.host}, Path(directory))
        bridge, web = processes.bridge(), processes.web()
        asyncio.run(show(bridge.url, web.url, everybody))
        processes.kill_all()
    valkey.close()


async def show(bridge_url: str, web_url: str, everybody: Cast) -> None:
    """Send a session that began a while ago, and take its picture while it runs."""
    depot = everybody.depot_7
    async with Charger(bridge_url, depot.identity, depot.key, reconnects=False) as charger:
        number = await charge(charger, everybody.ada.id_tag)
        await asyncio.to_thread(take, web_url, number, everybody)


def take(web_url: str, number: int, everybody: Cast) -> None:
    """Take the pictures of a phone in light and of one in dark, side by side."""
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        shots = [phone(browser, web_url, number, everybody, scheme) for scheme in SCHEMES]
        images = "".join(f'<img width="390" src="data:image/png;base64,{b64encode(shot).decode()}">' for shot in shots)
        page = browser.new_page(viewport={"width": 820, "height": PHONE["height"] + 20})
        page.set_content(f'<body style="margin:10px;display:flex;gap:20px;background:#8a93a6">{images}</body>')
        page.screenshot(path=PICTURE)
        browser.close()


def phone(browser: Browser, web_url: str, number: int, everybody: Cast, scheme: Scheme) -> bytes:
    page = browser.new_page(base_url=web_url, viewport=PHONE, device_scale_factor=2, color_scheme=scheme)
    page.goto(f"/sign-in?next=/sessions/{number}")
    page.get_by_label("E-mail").fill(everybody.ada.email)
    page.get_by_label("Password", exact=True).fill(everybody.ada.password)
    page.get_by_role("button", name="Sign in").click()
    page.locator('#stream[data-status="live"]').wait_for(state="attached")
    return page.screenshot()


if __name__ == "__main__":
    main()
