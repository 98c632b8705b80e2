"""The state between the password and the second factor. The session cookie holds it, and nothing else accepts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import session

from polaris.administration import HalfSignedIn

LIFETIME = timedelta(minutes=10)  # for longer, a browser that was left alone could be signed in by a code alone
_KEY = "half_signed_in"


def begin(half: HalfSignedIn, next_path: str) -> None:
    """Keep the state, and nothing of the earlier cookie."""
    session.clear()
    session[_KEY] = [half.account_id, half.email, half.password_mark, datetime.now(UTC).timestamp(), next_path]


def half_signed_in() -> HalfSignedIn | None:
    """Return the state, unless there is none or it has expired."""
    account_id, email, password_mark, began_at, _ = session.get(_KEY, (0, "", "", 0.0, ""))
    is_fresh = datetime.now(UTC) - datetime.fromtimestamp(began_at, UTC) < LIFETIME
    return HalfSignedIn(account_id, email, password_mark) if is_fresh else None


def next_path() -> str:
    """Return the page that the sign-in is to lead to."""
    path: str = session.get(_KEY, ("",))[-1]
    return path
