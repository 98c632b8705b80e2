"""Owns the cookie of a device that is signed in by a row of the database, signed as the web signs it."""

from __future__ import annotations

from flask import Flask

from polaris.config import Config


def signed(config: Config, sign_in_id: str) -> str:
    """Return the cookie that a browser has after signing in, see `web.auth` and Flask-Login."""
    app = Flask("cookies")
    app.secret_key = config.secret_key[-1]
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    value: str = signer.dumps({"_permanent": True, "_user_id": sign_in_id, "_fresh": True})
    return f"polaris={value}"
