"""The files of `static/`: kept by browsers for good, compressed beforehand.

All of `static/` has one fingerprint, which is a folder in the address of each file: `/static/<fingerprint>/js/live.js`.
So a changed file has a new address, and so has each file that a module imports by a relative one. An address without
the present fingerprint, such as one of a page that was left open over an upgrade, leads to the present file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

from flask import Flask, Response, abort, redirect, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue

from polaris.web.compression import FOR_FILES, accepted_coding

ENDPOINT = "static"
ROOT = Path(__file__).resolve().parents[2] / "static"
STYLE_SHEET = "css/style.css"
FOR_EVER = "public, max-age=31536000, immutable"
LOOK_INTERVAL_S = 1.0  # how often the files are looked at for a change, so that an edit shows after a reload
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".png": "image/png",
}
_IMPORT = re.compile(rb'@import "([\w-]+\.css)";\n')


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent: its bytes by coding, with None for those that are not compressed."""

    content_type: str
    bodies: dict[str | None, bytes]

    @classmethod
    def of(cls, name: str, content: bytes) -> StaticFile:
        bodies: dict[str | None, bytes] = {None: content}
        if not name.endswith(".png"):
            bodies |= {coding: compress(content) for coding, compress in FOR_FILES.items()}
        return cls(TYPES[Path(name).suffix], bodies)


@dataclass(frozen=True)
class StaticFiles:
    """All files by their names within `static/`, as they were at one moment."""

    fingerprint: str
    by_name: dict[str, StaticFile]
    state: object

    def address(self, name: str) -> str:
        return f"/static/{self.fingerprint}/{name}"

    @classmethod
    def read(cls, state: object) -> StaticFiles:
        contents = {name: path.read_bytes() for name, path in _paths() if not _is_part_of_style_sheet(name)}
        contents[STYLE_SHEET] = _put_together(contents[STYLE_SHEET])
        digest = sha256()
        for name, content in contents.items():
            digest.update(f"{name} {len(content)} ".encode() + content)
        by_name = {name: StaticFile.of(name, content) for name, content in contents.items()}
        return cls(digest.hexdigest()[:16], by_name, state)


class _Present:
    """The files as they are, read again after a change."""

    def __init__(self) -> None:
        self._files: StaticFiles | None = None
        self._look_at = 0.0

    def __call__(self) -> StaticFiles:
        if self._files is None or monotonic() >= self._look_at:
            state = [(name, path.stat().st_mtime_ns) for name, path in _paths()]
            if self._files is None or self._files.state != state:
                self._files = StaticFiles.read(state)
            self._look_at = monotonic() + LOOK_INTERVAL_S
        return self._files


present = _Present()


class Sessions(SecureCookieSessionInterface):
    """Flask's sessions, without `Set-Cookie` and `Vary: Cookie` on what proxies may keep."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not response.cache_control.public:
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    app.add_url_rule("/static/<path:filename>", ENDPOINT, _send)
    app.url_defaults(_add_fingerprint)
    app.session_interface = Sessions()


def _add_fingerprint(endpoint: str, values: dict[str, Any]) -> None:
    """Let `url_for("static", filename=…)` name the present content."""
    if endpoint == ENDPOINT:
        values["filename"] = f"{present().fingerprint}/{values['filename']}"


def _send(filename: str) -> ResponseReturnValue:
    files = present()
    folder, _, name = filename.partition("/")
    if folder == files.fingerprint and name in files.by_name:
        return _answer(files.by_name[name], files.fingerprint)
    current = next((known for known in (filename, name) if known in files.by_name), None)
    if current is None:
        abort(404)
    return redirect(files.address(current))


def _answer(file: StaticFile, fingerprint: str) -> Response:
    coding = accepted_coding() if len(file.bodies) > 1 else None
    response = Response(file.bodies[coding], content_type=file.content_type)
    response.headers["Cache-Control"] = FOR_EVER
    if len(file.bodies) > 1:
        response.vary.add("Accept-Encoding")
    if coding:
        response.headers["Content-Encoding"] = coding
    response.set_etag(f"{fingerprint}-{coding or 'plain'}")
    response.make_conditional(request)
    return response


def _paths() -> list[tuple[str, Path]]:
    return sorted((path.relative_to(ROOT).as_posix(), path) for path in ROOT.rglob("*") if path.suffix in TYPES)


def _is_part_of_style_sheet(name: str) -> bool:
    return name.startswith("css/") and name != STYLE_SHEET


def _put_together(style_sheet: bytes) -> bytes:
    """Replace each import by its file: one request instead of thirty."""
    return _IMPORT.sub(lambda found: (ROOT / "css" / found[1].decode()).read_bytes(), style_sheet)
