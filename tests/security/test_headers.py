"""Headers, cookies and reports: what a browser is told to refuse, and what it tells of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from polaris import security_log
from polaris.config import Config, ConfigError
from polaris.models import SignIn
from polaris.web.security import MAX_FORM_BYTES
from tests.security.conftest import SecurityLog
from tests.support import forms
from tests.support.cast import Cast
from tests.support.processes import Processes
from tests.support.wait import eventually

PAGES = ("/sign-in", "/account", "/sessions", "/live/sessions?once", "/nowhere", "/healthz", "/static/icon.svg")
REPORT = {
    "csp-report": {
        "document-uri": "https://polaris.example/sessions",
        "violated-directive": "script-src-elem",
        "blocked-uri": "inline",
        "line-number": 7,
    }
}


def test_headers_of_every_answer(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    for path in PAGES:
        with client.get(path) as answer:
            headers = answer.headers
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]
        assert "publickey-credentials" not in headers["Permissions-Policy"]
        assert "report-uri /csp-reports" in headers["Content-Security-Policy"]
        assert "Clear-Site-Data" not in headers


def test_host_cookies_under_https(make_app: Callable[..., Flask], cast: Cast) -> None:
    """With the prefix, no other host of the domain can plant a cookie."""
    client = make_app(HTTPS="1").test_client()
    page = client.get("/sign-in", base_url="https://localhost")
    token = forms.TOKEN.search(page.text)
    assert token is not None
    form = {"csrf_token": token[1], "email": cast.ada.email, "password": cast.ada.password}

    answer = client.post("/sign-in", data=form, base_url="https://localhost", headers={"Referer": "https://localhost/"})

    cookies = {line.partition("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}
    assert set(cookies) == {"__Host-polaris", "__Host-polaris-device"}
    for line in cookies.values():
        assert "Secure" in line
        assert "HttpOnly" in line
        assert "Path=/" in line
        assert "Domain" not in line
    assert client.get("/account", base_url="https://localhost").status_code == 200


@pytest.mark.parametrize("form", ["/sign-out", "/devices", "/devices/{device}"])
def test_sign_out_clears_the_browser(client: FlaskClient, cast: Cast, form: str) -> None:
    forms.sign_in(client, cast.ada)

    answer = forms.post(client, form.format(device=SignIn.get().id), page="/account")

    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.location == "/sign-in"
    assert client.get_cookie("polaris-device") is not None, "the device stays known to the limits on guesses"


def test_policy_report_logged(client: FlaskClient, events: SecurityLog) -> None:
    answer = client.post("/csp-reports", data=json.dumps(REPORT), content_type="application/csp-report")

    assert answer.status_code == 204
    (line,) = events()
    assert (line["event"], line["directive"], line["blocked"]) == ("policy.violated", "script-src-elem", "inline")
    assert (line["document"], line["line"]) == ("https://polaris.example/sessions", "7")


@pytest.mark.parametrize(
    "sent",
    [b"", b"{", b"[" * 60_000, b"\xff", b"null", b"7", b"[[], 1, null]", b'{"csp-report": 7}', b'{"body": {"x": 1}}'],
)
def test_what_is_no_report(client: FlaskClient, events: SecurityLog, sent: bytes) -> None:
    assert client.post("/csp-reports", data=sent).status_code == 400
    assert events() == []


def test_reports_are_bounded(client: FlaskClient, events: SecurityLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security_log, "WINDOW_S", 3600.0)  # however slow the machine is
    huge = {"csp-report": REPORT["csp-report"] | {"blocked-uri": "x" * 10_000 + "\n"}}
    for _ in range(security_log.MAX_LINES + 1):
        client.post("/csp-reports", json=huge)
    assert client.post("/csp-reports", data=b"x" * (MAX_FORM_BYTES + 1)).status_code == 413

    assert len(events()) == security_log.MAX_LINES
    assert all(len(line["blocked"]) == security_log.MAX_FIELD_LENGTH for line in events())


def test_browser_reports_a_script_that_got_in(processes: Processes, browser: Browser) -> None:
    web = processes.web()
    page = browser.new_page()
    page.goto(web.url + "/sign-in")

    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))")

    line = eventually(lambda: next((line for line in web.log_text().splitlines() if "policy.violated" in line), ""))
    assert json.loads(line)["directive"] == "script-src-elem"
    page.context.close()


def test_security_txt(make_app: Callable[..., Flask], client: FlaskClient) -> None:
    assert client.get("/.well-known/security.txt").status_code == 404
    client = make_app(SECURITY_CONTACT="mailto:security@polaris.example").test_client()

    answer = client.get("/.well-known/security.txt")

    assert answer.content_type == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:security@polaris.example"
    expires_at = datetime.fromisoformat(fields["Expires"])
    assert timedelta(days=30) < expires_at - datetime.now(UTC) < timedelta(days=365)


@pytest.mark.parametrize(
    "contact", ["security@polaris.example", "javascript:alert(1)", "mailto:a@b.example\nExpires: never"]
)
def test_unusable_contact_refused(settings: dict[str, str], contact: str) -> None:
    with pytest.raises(ConfigError, match="SECURITY_CONTACT"):
        Config.from_env(settings | {"SECURITY_CONTACT": contact})
