"""Recognition of secrets that must not be stored: values named as keys or passwords, and passwords in addresses."""

from __future__ import annotations

import re

REDACTED = "***"
WORDS = ("authorizationkey", "passw", "passphrase", "pwd", "secret", "psk", "credential", "simpin", "vpn")

_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s\"]*@")


def is_secret(name: object) -> bool:
    """Return whether a value of this name is a secret, by OCPP's and vendors' names."""
    return isinstance(name, str) and any(word in name.lower() for word in WORDS)


def without_password(text: str) -> str:
    """Return the text with user name and password removed from its addresses."""
    return _IN_ADDRESS.sub(f"{REDACTED}@", text)
