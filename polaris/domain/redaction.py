"""Recognition of secrets that must not be stored: values named as keys or passwords, and those in addresses."""

from __future__ import annotations

import re

REDACTED = "***"

_WORDS = (
    "accesskey",
    "apikey",
    "api_key",
    "api-key",
    "authorizationkey",
    "credential",
    "passphrase",
    "passw",
    "pincode",
    "privatekey",
    "psk",
    "pwd",
    "secret",
    "simpin",
    "vpn",
)
_PIN = r"(?<![A-Za-z])pin(?![a-z])|(?<![A-Z])P(?:in|IN(?![A-Z](?![a-z])))(?![a-z])"  # a word: not Ping, not PINNED
_OF_ACCESS = r"(?<!\bid)(?<!\bid_)(?<![Ii]D)(?<!ID_)(?<!Id)(?:[Tt]oken|TOKEN)"  # an idToken is a card
_IN_CAPITALS_AND_SMALL = re.compile(f"{_PIN}|{_OF_ACCESS}")

# User and password end at the last @ before a slash; a signature or a token can be anywhere in the query.
_ADDRESS = re.compile(r"://([^/\s\"]*@)?([^?#\s\"]*)([?#][^\s\"]*)?")


def is_secret(name: object) -> bool:
    """Return whether a value of this name is a secret, by OCPP's and vendors' names."""
    if not isinstance(name, str):
        return False
    lowered = name.lower()
    return any(word in lowered for word in _WORDS) or _IN_CAPITALS_AND_SMALL.search(name) is not None


def without_secrets(text: str) -> str:
    """Return the text with user name, password and query removed from its addresses."""
    return _ADDRESS.sub(_public, text)


def _public(address: re.Match[str]) -> str:
    user, place, query = address.groups("")
    if "?" in user or "#" in user:  # a password with such a character, or an @ in a query: either may be
        return f"://{REDACTED}"
    return f"://{user and REDACTED + '@'}{place}{query[:1]}{query[1:] and REDACTED}"
