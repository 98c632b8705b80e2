"""Names as chargers spell them, of which only the letters tell."""

from __future__ import annotations


def letters(name: str) -> str:
    """Return a name's letters in lower case: the same of `EVDisconnected`, `ev-disconnected` and `EV_DISCONNECTED`."""
    return "".join(filter(str.isalpha, name)).casefold()
