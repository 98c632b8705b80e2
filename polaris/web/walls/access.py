"""The access of a wall's screen: a cookie of its own, which the fleet's wall page and its stream accept, nothing else.

Flask-Login knows nothing of it: for every other view, such a browser is signed out.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, g, request

from polaris import administration
from polaris.administration.walls import OpenWall
from polaris.push.access import WALL
from polaris.push.subscribers import Browser
from polaris.services import services
from polaris.web.headers import cookie_name
from polaris.web.security import client_address

NAME = "polaris-wall"
MAX_TOKEN_LENGTH = 100


def let_in(response: Response, token: str, ends_at: datetime) -> None:
    """Give a screen its cookie."""
    config = services().config
    response.set_cookie(
        cookie_name(NAME, config), token, expires=ends_at, secure=config.https, httponly=True, samesite="Strict"
    )


def open_wall() -> OpenWall | None:
    """Return the wall that the request's cookie opens; the answer then names it to its page."""
    token = _token()
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    wall = administration.wall_of(token, datetime.now(UTC))
    if wall is not None:
        g.viewer = wall
    return wall


def was_wall() -> bool:
    """Whether the request is a screen's, whose wall may have ended."""
    return bool(_token())


def browser(wall: OpenWall) -> Browser:
    """Return the browser of a screen, as its stream needs to know it."""
    return Browser(client_address(), wall.token_hash, WALL.account_id, WALL.viewer)


def _token() -> str:
    return request.cookies.get(cookie_name(NAME, services().config), "")
