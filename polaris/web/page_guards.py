"""Guards that open pages rely on: that an answer is the server's own, and that a press which comes late does nothing.

A proxy or a captive portal may answer in the server's place. Each answer of the server names the device that is signed
in; a page shows nothing of an answer without that mark, and only an answer with it can lead the page away.
"""

from __future__ import annotations

from time import time

from flask import Flask, Response, abort, g, request

from polaris.version import VERSION

MARK = "Polaris-Viewer"
NOBODY = "none"
PRESSED_AT = "Polaris-Pressed-At"  # by the server's clock, in ms, as the page knows it
# Past it, a press does nothing: without it, a request that a browser or a proxy held back would stop a session minutes
# after the page said that it was not sent. The page gives up a little later than this (static/js/pending.js).
MAX_PRESS_AGE_S = 6.0


def init_app(app: Flask) -> None:
    app.before_request(_refuse_late_press)
    app.after_request(_mark)
    app.context_processor(lambda: {"version": VERSION, "now_ms": _now_ms})


def _now_ms() -> int:
    return int(time() * 1000)


def _refuse_late_press() -> None:
    pressed_at = request.headers.get(PRESSED_AT, "")
    if pressed_at.isdecimal() and _now_ms() - int(pressed_at[:20]) > MAX_PRESS_AGE_S * 1000:
        abort(412)


def _mark(response: Response) -> Response:
    viewer = g.get("viewer")
    response.headers[MARK] = NOBODY if viewer is None else viewer.mark
    return response
