"""What every answer carries: headers, cookies, HTTPS where it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from tests.support import forms
from tests.support.cast import Cast


def test_cookie_attributes(client: FlaskClient, make_app: Callable[..., Flask]) -> None:
    plain = client.get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain

    secure = make_app(HTTPS="1").test_client().get("/sign-in", base_url="https://localhost").headers["Set-Cookie"]
    assert "Secure" in secure


def test_https_by_configuration(client: FlaskClient, make_app: Callable[..., Flask]) -> None:
    assert client.get("/sign-in").status_code == 200
    secure = make_app(HTTPS="1", PROXY_HOPS="1").test_client()

    assert secure.get("/sign-in").location == "https://localhost/sign-in"
    assert secure.get("/healthz").status_code == 200
    behind_proxy = secure.get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert behind_proxy.status_code == 200
    assert "max-age=" in behind_proxy.headers["Strict-Transport-Security"]


def test_security_headers(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    for path in ("/sign-in", "/account", "/sessions", "/nowhere", "/healthz", "/static/icon.svg"):
        with client.get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'; ")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] in ("no-store", "no-cache")
        assert "Strict-Transport-Security" not in headers
