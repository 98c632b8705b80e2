"""Lighthouse of npm: what it says of a page on its simulated phone, and on a desktop."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.support import chromium, foreign

HERE = Path(__file__).parents[1] / "lighthouse"
PROGRAM = HERE / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES = ("performance", "accessibility", "best-practices")
DEVICES: dict[str, tuple[str, ...]] = {"phone": (), "desktop": ("--preset=desktop",)}
TIMEOUT_S = 180


@dataclass(frozen=True)
class Figures:
    """One look at a page."""

    fcp_s: float
    lcp_s: float
    layout_shift: float
    sent_kb: float
    requests: int
    scores: dict[str, float]
    speed_index: int  # Lighthouse's of this machine at that moment: about 1,500 on a quiet laptop


def look(url: str, device: str, cookie: str) -> Figures:
    """Load a page as a first visit, with `cookie` to be signed in, and return the figures."""
    command = [foreign.node(HERE), str(PROGRAM), url, "--quiet", "--output=json", *DEVICES[device]]
    command += [
        f"--only-categories={','.join(CATEGORIES)}",
        f"--chrome-flags=--headless=new {' '.join(chromium.FLAGS)}",
    ]
    if cookie:
        command.append(f"--extra-headers={json.dumps({'Cookie': cookie})}")
    environment = os.environ | {"CHROME_PATH": chromium.find() or ""}
    run = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=TIMEOUT_S)
    return _figures(json.loads(run.stdout))


def middle(looks: list[Figures]) -> Figures:
    """Return the look with the median of the first paints."""
    return min(looks, key=lambda figures: abs(figures.fcp_s - median(each.fcp_s for each in looks)))


def _figures(report: dict[str, Any]) -> Figures:
    value = {name: audit.get("numericValue", 0.0) for name, audit in report["audits"].items()}
    return Figures(
        fcp_s=round(value["first-contentful-paint"] / 1000, 2),
        lcp_s=round(value["largest-contentful-paint"] / 1000, 2),
        layout_shift=round(value["cumulative-layout-shift"], 3),
        sent_kb=round(value["total-byte-weight"] / 1000, 1),
        requests=len(report["audits"]["network-requests"]["details"]["items"]),
        scores={name: report["categories"][name]["score"] for name in CATEGORIES},
        speed_index=round(report["environment"]["benchmarkIndex"]),
    )
