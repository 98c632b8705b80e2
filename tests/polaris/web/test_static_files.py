"""Static files: kept for good under a name of their content, compressed, and found under older names, too."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import brotli
import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from polaris.web import static_files
from polaris.web.static_files import FOR_EVER, StaticFiles, present
from tests.support import forms
from tests.support.cast import Cast

LIVE = "js/live.js"


def address(app: Flask, name: str) -> str:
    with app.test_request_context():
        return url_for("static", filename=name)


def test_page_names_files_that_are_kept_for_ever(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/account").text)
    assert len(files) > 8
    assert [file for file in files if file.endswith(".css")] == [address(app, "css/style.css")]
    for file in files:
        answer = client.get(file)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, FOR_EVER), file
        assert "Set-Cookie" not in answer.headers, "a proxy may keep the answer"
        assert "Cookie" not in answer.headers.get("Vary", "")


@pytest.mark.parametrize(
    ("accepted", "coding", "unpack"),
    [
        ("gzip, deflate, br, zstd", "br", brotli.decompress),
        ("gzip, br;q=0", "gzip", gzip.decompress),
        ("", None, bytes),
        ("nonsense;q=, \x7f", None, bytes),
    ],
)
def test_compressed_as_the_browser_takes_it(
    app: Flask, client: FlaskClient, accepted: str, coding: str | None, unpack: type[bytes]
) -> None:
    answer = client.get(address(app, LIVE), headers={"Accept-Encoding": accepted})

    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert unpack(answer.data) == (static_files.ROOT / LIVE).read_bytes()


def test_one_small_style_sheet(app: Flask, client: FlaskClient) -> None:
    answer = client.get(address(app, "css/style.css"), headers={"Accept-Encoding": "br"})

    assert len(answer.data) < 16_000
    sheet = brotli.decompress(answer.data).decode()
    assert "@import" not in sheet
    for part in static_files.ROOT.glob("css/*.css"):
        assert part.stem == "style" or part.read_text() in sheet
    assert client.get(address(app, "css/tokens.css")).status_code == 404


def test_known_file_is_not_sent_again(app: Flask, client: FlaskClient) -> None:
    etag = client.get(address(app, LIVE)).headers["ETag"]

    answer = client.get(address(app, LIVE), headers={"If-None-Match": etag})

    assert (answer.status_code, answer.data) == (304, b"")


@pytest.mark.parametrize("old", [LIVE, f"0123456789abcdef/{LIVE}"])
def test_older_name_leads_to_the_present_file(app: Flask, client: FlaskClient, old: str) -> None:
    answer = client.get(f"/static/{old}")

    assert (answer.status_code, answer.location) == (302, address(app, LIVE))
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "name",
    [
        "nowhere.js",
        "js",
        "css/nowhere.css",
        "../app.py",
        "%2e%2e/app.py",
        "x/../../app.py",
        "vendor/htmx.org@4.0.1/LICENSE",
        "x//js/live.js",
        "\\..\\app.py",
        "%00/js/live.js%00",
        "x" * 5000,
    ],
)
def test_what_is_no_file(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/static/{present().fingerprint}/{name}")
    assert answer.status_code == 404
    assert client.get(f"/static/{name}").status_code == 404


def test_edit_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In development a changed file has another address at the next look, without a restart."""
    (tmp_path / "css").mkdir()
    (tmp_path / "css/style.css").write_text('@import "a.css";\n')
    part = tmp_path / "css/a.css"
    part.write_text("a {}")
    monkeypatch.setattr(static_files, "ROOT", tmp_path)
    monkeypatch.setattr(static_files, "LOOK_INTERVAL_S", 0.0)
    files = static_files._Present()
    before = files()
    assert files() is before

    part.write_text("b {}")
    os.utime(part, ns=(1, 1))  # however fine the file system's clock is

    after = files()
    assert after.by_name["css/style.css"].bodies[None] == b"b {}"
    assert after.fingerprint != before.fingerprint
    assert isinstance(after, StaticFiles)
