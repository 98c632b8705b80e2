"""`make bench PART=paint`: the first paint of pages on a slow phone and on a desktop, by Lighthouse.

`make run` with the demo, whose charger charges; each page is loaded as a first visit RUNS (3) times on each device, and
the look with the median first paint is printed: first and largest contentful paint, the bytes and requests, the scores,
and Lighthouse's index of how fast the machine was. Its simulated phone is a phone of 2022 over slow 4G: the times are
reckoned from what was measured, so other work on the machine makes them longer. PAGES and DEVICES name some of them.
Then each page's bytes, those of it compressed, and the CPU time of compressing it. The last line is one JSON object
with every figure. It needs npm's registry the first time.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from playwright.sync_api import sync_playwright

from benchmarks.support import lighthouse
from polaris import demo
from polaris.web.compression import FOR_PAGES
from tests.support import chromium, make_run
from tests.support.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPRESSIONS = 30
RUNS = int(os.environ.get("RUNS", "3"))
PAGES = {  # by their name: who looks, and where; {running} is a session of the demo that runs
    "sign-in": ("", "/sign-in"),
    "sessions": (demo.DRIVER, "/sessions"),
    "session": (demo.DRIVER, "{running}"),
    "account": (demo.DRIVER, "/account"),
    "fleet": (demo.OPERATOR, "/fleet"),
}
CHOSEN = os.environ.get("PAGES", ",".join(PAGES)).split(",")
DEVICES = os.environ.get("DEVICES", ",".join(lighthouse.DEVICES)).split(",")


def main() -> None:
    with demo_running() as url:
        cookies, running = sign_in(url)
        report: dict[str, dict[str, Any]] = {}
        print(f"{'':18}  FCP s  LCP s  shift     KB  requests  performance  accessibility  best practices  machine")
        for name in CHOSEN:
            who, path = PAGES[name]
            for device in DEVICES:
                address = url + path.format(running=running)
                looks = [lighthouse.look(address, device, cookies[who]) for _ in range(RUNS)]
                figures = report[f"{name} {device}"] = asdict(lighthouse.middle(looks))
                show(f"{name}, {device}", **figures)
        for name in CHOSEN:
            who, path = PAGES[name]
            report[f"{name} compressed"] = compression(name, url + path.format(running=running), cookies[who])
    print(json.dumps(report))


@contextmanager
def demo_running() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        var, ports = Path(directory) / "var", make_run.ports()
        url = f"http://localhost:{ports['PORT']}"
        settings = {"POLARIS_VAR": str(var), **ports}
        run = Process([sys.executable, "-m", "dev"], settings, Path(directory) / "run.log", url=url)
        make_run.serve(run)
        try:
            yield url
        finally:
            make_run.end(run, var)


def sign_in(url: str) -> tuple[dict[str, str], str]:
    """Sign the demo's people in; return their cookies, and the path of a session of the driver."""
    cookies = {"": ""}
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for who in (demo.OPERATOR, demo.DRIVER):
            page = browser.new_page(base_url=url)
            page.goto("/sign-in")
            page.get_by_label("E-mail").fill(who)
            page.get_by_label("Password", exact=True).fill(demo.PASSWORD)
            page.get_by_role("button", name="Sign in", exact=True).click()
            page.wait_for_url(lambda address: "sign-in" not in address)
            cookies[who] = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())
        page.goto("/sessions")
        paths = re.findall(r'href="(/sessions/\d+)"', page.content())
        browser.close()
    return cookies, paths[0]


def compression(name: str, address: str, cookie: str) -> dict[str, float]:
    """Return a page's bytes before and after, and the least CPU time of some compressions."""
    with urlopen(Request(address, headers={"Cookie": cookie})) as answer:
        page = answer.read()
    spent_us, packed = [], b""
    for _ in range(COMPRESSIONS):
        began = time.process_time()
        packed = FOR_PAGES["br"](page)
        spent_us.append(1e6 * (time.process_time() - began))
    figures: dict[str, float] = {"bytes": len(page), "compressed": len(packed), "cpu_us": round(min(spent_us))}
    print(f"{name:18}  {figures['bytes']} bytes, compressed {figures['compressed']} in {figures['cpu_us']} µs of CPU")
    return figures


def show(name: str, scores: Mapping[str, float], **figures: float) -> None:
    row = f"{figures['fcp_s']:5.2f}  {figures['lcp_s']:5.2f}  {figures['layout_shift']:5.3f}  {figures['sent_kb']:5.1f}"
    marks = "  ".join(f"{scores[name]:13.2f}" for name in lighthouse.CATEGORIES)
    print(f"{name:18}  {row}  {figures['requests']:8}  {marks}  {figures['speed_index']:7}", flush=True)


if __name__ == "__main__":
    main()
