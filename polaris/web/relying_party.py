"""Passkeys in requests: which site browsers make them for, and the challenge, which the session cookie holds."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flask import abort, request, session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, generate_challenge

from polaris.administration.second_factors.passkeys import Answer, Challenge, RelyingParty
from polaris.domain.instants import from_microseconds, to_microseconds
from polaris.services import services

CHALLENGE_LIFETIME = timedelta(minutes=6)  # a little longer than browsers are told to wait for the person
_KEY = "challenge"


def relying_party() -> RelyingParty | None:
    """Return the site as passkeys know it, or None if it has no name that is certain: browsers take no address."""
    site_url = services().config.site_url
    origin = site_url or f"{request.scheme}://{request.host}"
    name = urlsplit(origin).hostname or ""
    is_certain = bool(site_url) or name == "localhost"
    return RelyingParty(name, origin) if is_certain and not _is_address(name) else None


def required_party() -> RelyingParty:
    """Return the site; answer 404 if there can be no passkeys."""
    return relying_party() or abort(404)


def new_challenge() -> bytes:
    """Make the challenge that the browser's next answer must sign."""
    value = generate_challenge()
    session[_KEY] = [bytes_to_base64url(value), to_microseconds(datetime.now(UTC))]
    return value


def sent_answer() -> Answer | None:
    """Return what the browser answered, with the challenge, which is used up; None if that is too old."""
    value, made_us = session.pop(_KEY, ("", 0))
    made_at = from_microseconds(made_us)
    if datetime.now(UTC) - made_at > CHALLENGE_LIFETIME:
        return None
    challenge = Challenge(base64url_to_bytes(value), made_at)
    return Answer(request.form.get("credential", ""), challenge, required_party())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
