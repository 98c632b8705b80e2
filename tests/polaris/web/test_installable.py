"""What a phone installs: the manifest and its icons, the worker, and the header by which a page may be kept."""

from __future__ import annotations

import json
import struct

import pytest
from flask.testing import FlaskClient

from polaris.web.installable import KEEP, KEPT
from polaris.web.static_files import FOR_EVER, present
from tests.support import forms
from tests.support.cast import Cast
from tests.support.charging import Charging


def test_manifest(client: FlaskClient) -> None:
    answer = client.get("/manifest.webmanifest")

    assert answer.mimetype == "application/manifest+json"
    assert "Set-Cookie" not in answer.headers
    manifest = json.loads(answer.data)
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/", "/", "standalone")
    assert {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]} == {
        ("192x192", "any"),
        ("512x512", "any"),
        ("512x512", "maskable"),
    }
    for icon in manifest["icons"]:
        png = client.get(icon["src"]).data
        assert "x".join(map(str, struct.unpack(">II", png[16:24]))) == icon["sizes"]
    for shortcut in manifest["shortcuts"]:
        assert client.get(shortcut["url"]).status_code == 302, "a page that asks a stranger to sign in"


def test_worker_knows_its_version(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    files = present()

    answer = client.get(f"/service-worker.js?{files.fingerprint}")

    assert answer.headers["Cache-Control"] == FOR_EVER
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert "Set-Cookie" not in answer.headers
    first, _, script = answer.text.partition(";\n")
    known = json.loads(first.removeprefix("self.polaris = "))
    assert known["fingerprint"] == files.fingerprint
    assert files.address("css/style.css") in known["shell"]
    for file in known["shell"]:
        assert client.get(file).status_code == 200
    assert script.startswith("// Keeps")


@pytest.mark.parametrize("version", ["", "?0123456789abcdef", "?%ff", "?" + "x" * 4000])
def test_worker_of_another_version_is_asked_for_again(client: FlaskClient, version: str) -> None:
    answer = client.get(f"/service-worker.js{version}")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_offline_page_names_nobody(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)

    answer = client.get("/offline")

    assert cast.ada.email not in answer.text
    assert KEEP not in answer.headers


def test_drivers_pages_may_be_kept(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    forms.sign_in(client, cast.ada)
    for path in ("/sessions", f"/sessions/{number}"):
        answer = client.get(path)
        assert answer.headers[KEEP] == "1"
        assert answer.headers["Cache-Control"] == "no-store", "the browser's own cache keeps nothing"
        assert " data-keep" in answer.text


def test_other_pages_may_not(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    """Filters, fragments, pages that do not exist, settings, and all that an operator sees."""
    number = charging.start(cast.ada.id_tag)
    forms.sign_in(client, cast.ada)
    for path in (
        "/sessions?status=active",
        "/sessions/9999",
        "/account",
        "/live/sessions?once",
        f"/sessions/{number}/why",
    ):
        answer = client.get(path)
        assert KEEP not in answer.headers, path
        assert answer.status_code == 404 or " data-keep" not in answer.text, path
    forms.post(client, "/sign-out", page="/account")
    forms.sign_in(client, cast.olga)
    for path in ("/sessions", f"/sessions/{number}", "/cards", "/fleet"):
        assert KEEP not in client.get(path).headers, path
    forms.post(client, "/sign-out", page="/account")
    assert KEEP not in client.get("/sessions").headers


def test_no_secret_is_kept() -> None:
    assert not any(endpoint.startswith(("second_factor", "password", "invitations", "auth")) for endpoint in KEPT)
