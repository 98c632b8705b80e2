"""The first page of a person's day: the fleet for operators, their sessions for drivers."""

from __future__ import annotations

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from polaris.domain.enums import Role


def home() -> ResponseReturnValue:
    """Lead to the user's first page; a visitor to the sign-in, which leads there by itself."""
    return redirect(home_url() if current_user.is_authenticated else url_for("auth.sign_in"))


def home_url() -> str:
    """Return the first page of the signed-in user."""
    return url_for("fleet.index" if current_user.role is Role.OPERATOR else "sessions.index")
