"""The headers that every answer carries, and the one that a browser gets when it is signed out."""

from __future__ import annotations

from flask import Flask, Response, make_response, redirect, session, url_for
from flask_talisman import Talisman

from polaris.config import Config

REPORTS_PATH = "/csp-reports"
CONTENT_SECURITY_POLICY = {
    "default-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    # Not report-to: every browser takes this, over HTTP too, and reports at once.
    "report-uri": REPORTS_PATH,
}
# What no page uses. Without it, a script that got in could ask for it in Polaris's name.
UNUSED = (
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
)
# Not "cookies", which would clear those of the whole domain, and make this device a stranger to the limits on guesses.
# The cookie of the sign-in is cleared by itself, and its row is revoked.
CLEARED = '"cache", "storage"'


def init_app(app: Flask, config: Config) -> None:
    Talisman(
        app,
        content_security_policy=CONTENT_SECURITY_POLICY,
        permissions_policy=dict.fromkeys(UNUSED, "()"),
        frame_options="DENY",
        referrer_policy="same-origin",
        force_https=False,  # it would redirect to any host: see hosts.py
        session_cookie_secure=config.https,
        strict_transport_security=config.https,
        strict_transport_security_include_subdomains=False,
    )
    app.after_request(_add)


def cookie_name(name: str, config: Config) -> str:
    """Return a cookie's name; under HTTPS with the prefix by which a browser takes it from nobody but this host."""
    return f"__Host-{name}" if config.https else name


def signed_out() -> Response:
    """Forget the session, and let the browser forget what it has kept of the pages."""
    session.clear()
    response = make_response(redirect(url_for("auth.sign_in")))
    response.headers["Clear-Site-Data"] = CLEARED
    return response


def _add(response: Response) -> Response:
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")  # a cached page would be outdated, or another user's
    return response
