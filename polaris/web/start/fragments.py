"""The fragments of a connector's page."""

from __future__ import annotations

from polaris.rendering.fragments import Fragments, render
from polaris.web.start.view import StartPage

_TEMPLATES = {f"start-{noun}": f"start/_{noun}.html" for noun in ("place", "cards", "control")}


def start(page: StartPage) -> Fragments:
    return {root_id: render(template, page=page) for root_id, template in _TEMPLATES.items()}
