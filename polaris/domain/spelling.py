"""Texts as chargers write them: the letters of a name, and what of a text can be shown."""

from __future__ import annotations


def letters(name: str) -> str:
    """Return a name's letters in lower case: the same of `EVDisconnected`, `ev-disconnected` and `EV_DISCONNECTED`."""
    return "".join(filter(str.isalpha, name)).casefold()


def printable(text: str) -> str:
    """Return a text without what could turn the text around it, break its line or command a terminal."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
