"""A person's choices for their own pages: name, language and colours."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Theme(StrEnum):
    """The colours of the pages."""

    SYSTEM = ""  # as the device is set
    LIGHT = "light"
    DARK = "dark"


class Profile(Struct, frozen=True):
    """A person's choices; an empty language is the browser's."""

    name: str = ""
    language: str = ""
    theme: Theme = Theme.SYSTEM
