"""Polaris as an app of a phone: its manifest, its service worker, and which pages a driver's browser may keep.

The worker (`static/js/service_worker.js`) keeps what has the header `Polaris-Keep`, and nothing else.
"""

from __future__ import annotations

import json

from flask import Blueprint, Flask, Response, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from polaris.domain.enums import Role
from polaris.rendering.translations import gettext, locale
from polaris.web import static_files
from polaris.web.security import User

KEEP = "Polaris-Keep"
KEPT = ("home.index", "sessions.index", "sessions.show", "cards.index")
GROUND, SKY = "#f2f4f8", "#0f1d3a"  # --raw-ground and the icon's
A_DAY = "private, max-age=86400"

blueprint = Blueprint("installable", __name__)


def init_app(app: Flask) -> None:
    app.after_request(_let_keep)
    app.context_processor(lambda: {"may_keep": _may_keep})


@blueprint.get("/manifest.webmanifest")
def manifest() -> ResponseReturnValue:
    """Answer with the app's name, its icons and where its parts begin, in the language of the browser."""
    icons = [_icon("icon-192.png"), _icon("icon-512.png"), _icon("maskable-512.png", "maskable")]
    content = {
        "id": "/",
        "lang": locale(),
        "name": "Polaris Express",
        "short_name": "Polaris",
        "description": gettext("Watch your car charge, and stop it from wherever you are."),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": GROUND,
        "theme_color": SKY,
        "icons": icons,
        "shortcuts": [
            {"name": gettext("Sessions"), "url": url_for("sessions.index")},
            {"name": gettext("Cards"), "url": url_for("cards.index")},
            {"name": gettext("Account"), "url": url_for("account.show")},
        ],
    }
    answer = Response(json.dumps(content), mimetype="application/manifest+json")
    answer.headers["Cache-Control"] = A_DAY
    answer.vary.add("Accept-Language")
    return answer


@blueprint.get("/service-worker.js")
def service_worker() -> ResponseReturnValue:
    """Answer with the service worker, which may serve all pages, after what it needs to know of this version."""
    files = static_files.present()
    known = {"fingerprint": files.fingerprint, "shell": [files.address(name) for name in _shell(files)]}
    script = files.by_name["js/service_worker.js"].bodies[None].decode()
    answer = Response(f"self.polaris = {json.dumps(known)};\n{script}", content_type=static_files.TYPES[".js"])
    is_present = request.query_string.decode("ascii", "replace") == files.fingerprint
    answer.headers["Cache-Control"] = static_files.FOR_EVER if is_present else "no-cache"
    return answer


@blueprint.get("/offline")
def offline() -> ResponseReturnValue:
    """Answer with the page for when there is no network, which the service worker keeps: it names nobody."""
    return make_response(render_template("installable/offline.html", bare=True))


def _icon(name: str, purpose: str = "any") -> dict[str, str]:
    size = name.removesuffix(".png").rpartition("-")[2]
    address = url_for("static", filename=f"icons/{name}")
    return {"src": address, "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}


def _shell(files: static_files.StaticFiles) -> list[str]:
    """Return the files that pages need; icons are for the system, which keeps them itself."""
    return [name for name in files.by_name if not name.startswith("icons/") and name != "js/service_worker.js"]


def _may_keep() -> bool:
    """Return whether the request is for one of a driver's pages of the day, without a filter."""
    viewer = g.get("viewer")
    is_driver = isinstance(viewer, User) and viewer.role is Role.DRIVER
    return is_driver and request.endpoint in KEPT and request.method in ("GET", "HEAD") and not request.query_string


def _let_keep(response: Response) -> Response:
    if response.status_code == 200 and _may_keep():
        response.headers[KEEP] = "1"
    return response
