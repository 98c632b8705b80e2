"""The first page of a person's day: the fleet for operators, Home for drivers."""

from __future__ import annotations

from flask import url_for
from flask_login import current_user

from polaris.domain.enums import Role


def home_url() -> str:
    """Return the first page of the signed-in user."""
    return url_for("fleet.index" if current_user.role is Role.OPERATOR else "home.index")
