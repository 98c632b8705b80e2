"""What must not be kept as it is: values that their names call keys or passwords, and passwords in addresses."""

from __future__ import annotations

import re

STRUCK_OUT = "***"
WORDS = ("authorizationkey", "passw", "passphrase", "pwd", "secret", "psk", "credential", "simpin", "vpn")

_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s\"]*@")


def is_secret(name: object) -> bool:
    """Whether what has this name is a secret; OCPP's and vendors' names for them."""
    return isinstance(name, str) and any(word in name.lower() for word in WORDS)


def without_password(text: str) -> str:
    """The text, its addresses without who signs in there."""
    return _IN_ADDRESS.sub(f"{STRUCK_OUT}@", text)
