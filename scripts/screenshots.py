"""The docs' screenshots: every page of drivers and operators, in docs/screenshots/, of a demo with a simulator.

Run it with `.venv/bin/python -m scripts.screenshots`, after `make test` has installed what it needs.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from polaris import demo, development
from polaris.config import Config
from polaris.services import NAME
from scripts.scene import PASSWORD, Scene, play, prepare
from tests.support import apps, chromium, make_run
from tests.support.processes import Process

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
WIDTH, PHONE = 1200, 320
MIN_HEIGHT, MAX_HEIGHT = 720, 1500  # in between, a picture is of the whole page
QUALITY = 70  # of WebP
PASSWORDS = {demo.DRIVER: demo.PASSWORD, demo.OPERATOR: demo.PASSWORD, "ada@example.com": PASSWORD}


@dataclass(frozen=True)
class Shot:
    """A picture: of whose page, and what is typed and pressed there first. Its path names places of the scene."""

    name: str
    path: str
    who: str = demo.OPERATOR  # "" for nobody
    width: int = WIDTH
    scheme: Literal["light", "dark"] = "light"
    typed: Mapping[str, str] = field(default_factory=dict)
    press: str = ""
    at: str = ""  # the heading that is scrolled to
    max_height: int = MAX_HEIGHT


ADA, NOBODY = "ada@example.com", ""
SHOTS = (
    Shot("sign-in", "/sign-in", NOBODY),
    Shot("invitation", "{invitation}", NOBODY),
    Shot("home", "/", demo.DRIVER, 1400),
    Shot("home-phone", "/", ADA, PHONE, "dark", max_height=1000),
    Shot("start", "/start/depot-2/1", demo.DRIVER, PHONE, max_height=1000),
    Shot("own-cards", "/cards", ADA),
    Shot("receipt", "/sessions/6/receipt", demo.DRIVER),
    Shot("notices", "/account/notifications", ADA),
    Shot("sessions", "/sessions", demo.DRIVER),
    Shot("session", "/sessions/{running}", ADA, max_height=1100),
    Shot("session-phone", "/sessions/{running}", ADA, PHONE, "dark", max_height=1000),
    Shot("session-completed", "/sessions/6", demo.DRIVER, max_height=1100),
    Shot("session-why", "/sessions/6/why", demo.DRIVER),
    Shot("account", "/account", ADA),
    Shot("account-phone", "/account", ADA, PHONE, max_height=1000),
    Shot("password", "/account/password", ADA),
    Shot("second-factor", "/account/second-factor", ADA),
    Shot("authenticator-app", "/account/second-factor/app", ADA),
    Shot("passkey", "/account/second-factor/passkeys", ADA),
    Shot("my-data", "/account/export", ADA),
    Shot("fleet", "/fleet"),
    Shot("fleet-dark", "/fleet", scheme="dark"),
    Shot("fleet-phone", "/fleet", width=PHONE, max_height=1000),
    Shot("walls", "/walls"),
    Shot("wall-link", "{wall}", NOBODY),
    Shot("wall", "{screen}", NOBODY, scheme="dark", press="Show the fleet"),
    Shot("charger", "/fleet/depot-2"),
    Shot("charger-settings", "/fleet/depot-2", at="Settings", max_height=900),
    Shot("charger-messages", "/fleet/depot-2", at="Last messages", max_height=900),
    Shot("charger-phone", "/fleet/depot-2", width=PHONE, scheme="dark", max_height=1000),
    Shot("charger-rename", "/actions/charger/name?identity=depot-2"),
    Shot("charger-block", "/actions/charger/block?identity=depot-2"),
    Shot("charger-added", "/actions/charger/add", typed={"identity": "yard-2"}, press="Add a charger"),
    Shot("commands", "/fleet/depot-2/commands"),
    Shot("command-form", "/fleet/depot-2/commands/reset"),
    Shot("command-question", "/fleet/depot-2/commands/reset", press="Send"),
    Shot("command", "/fleet/depot-2/commands/{command}"),
    Shot("settings-compare", "/fleet/depot-2/settings/compare?with=depot-1"),
    Shot("behaviour", "/fleet/depot-1/behaviour"),
    Shot("commission", "/fleet/depot-2/commission"),
    Shot("commission-report", "/fleet/depot-2/commission/1"),
    Shot("electrician-link", "{electrician}", NOBODY),
    Shot("electrician", "{electrician}", NOBODY, PHONE, press="Open it", max_height=1000),
    Shot("many", "/bulk"),
    Shot("many-form", "/bulk/new/set-configuration"),
    Shot("many-dry-run", "/bulk/{draft}"),
    Shot("many-sent", "/bulk/{done}"),
    Shot("operator-sessions", "/sessions"),
    Shot("operator-session", "/sessions/{running}", max_height=1100),
    Shot("attention", "/attention"),
    Shot("attention-phone", "/attention", width=PHONE, max_height=1000),
    Shot("acknowledge", "/attention/acknowledge?key=fault:harbour-2/1"),
    Shot("people", "/people"),
    Shot("person", "/people/3"),
    Shot("cards", "/cards"),
    Shot("cards-import", "/cards/import", typed={"text": "email,id_tag\nada@example.com,NEW-1"}, press="Preview"),
    Shot("tariffs", "/tariffs"),
    Shot("tariff-preview", "/tariffs/new?site=Main", typed={"per_kwh": "0.45"}, press="Preview"),
    Shot("sites", "/sites"),
    Shot("site", "/sites/1"),
    Shot("site-labels", "/sites/1/qr"),
    Shot("audit", "/audit", max_height=1000),
    Shot("not-found", "/fleet/nowhere"),
)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        var, ports = Path(directory) / "var", make_run.ports()
        url = f"http://localhost:{ports['PORT']}"
        settings = {"POLARIS_VAR": str(var), "SITE_URL": url, "OPERATOR_CONTACT": "Olga, +49 30 1234", **ports}
        run = Process([sys.executable, "-m", "dev"], settings, Path(directory) / "run.log", url=url)
        make_run.serve(run)
        try:
            config = Config.from_env(development.with_saved({"POLARIS_VAR": str(var)}))
            with apps.running(config) as app:
                bridge_url = f"ws://127.0.0.1:{ports['OCPP_PORT']}/ocpp"
                asyncio.run(show(Scene(app.extensions[NAME], bridge_url), url))
        finally:
            make_run.end(run, var)


async def show(scene: Scene, url: str) -> None:
    """Fill the pages, and take their pictures while the charger is connected."""
    async with prepare(scene) as charger:
        await play(scene, charger)
        await asyncio.to_thread(take, url, scene.places)


def take(url: str, places: Mapping[str, str]) -> None:
    wanted = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        pages: dict[tuple[str, int, str], Page] = {}
        for shot in SHOTS:
            if wanted and shot.name not in wanted:
                continue
            key = (shot.who, shot.width, shot.scheme)
            if key not in pages or not shot.who:
                pages[key] = open_page(browser, url, shot)
            (FOLDER / f"{shot.name}.webp").write_bytes(picture(pages[key], shot, places))
        browser.close()


def open_page(browser: Browser, url: str, shot: Shot) -> Page:
    """Open a browser of its own, with the shot's person signed in."""
    page = browser.new_page(
        base_url=url,
        viewport={"width": shot.width, "height": 800},
        color_scheme=shot.scheme,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/Berlin",
    )
    if shot.who:
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(shot.who)
        page.get_by_label("Password", exact=True).fill(PASSWORDS[shot.who])
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(lambda url: "sign-in" not in url)
    return page


def picture(page: Page, shot: Shot, places: Mapping[str, str]) -> bytes:
    """Return the picture as WebP."""
    page.set_viewport_size({"width": shot.width, "height": MIN_HEIGHT})
    page.goto(shot.path.format_map(places))
    main = page.get_by_role("main")
    for name, text in shot.typed.items():
        main.locator(f"[name={name}]").fill(text)
    if shot.press:
        main.get_by_role("button", name=shot.press, exact=True).click()
        page.wait_for_load_state()
    if page.locator("#stream").count():
        page.locator('#stream[data-status="live"]').wait_for(state="attached")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": shot.width, "height": min(height, shot.max_height)})
    page.evaluate("scrollTo(0, 0)")
    if shot.at:
        main.get_by_role("heading", name=shot.at, exact=True).evaluate(
            "heading => heading.closest('section').scrollIntoView()"
        )
    options = {"format": "webp", "quality": QUALITY}
    taken = page.context.new_cdp_session(page).send("Page.captureScreenshot", options)
    return b64decode(taken["data"])


if __name__ == "__main__":
    main()
