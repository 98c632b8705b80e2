"""What goes wrong, made by the facts that tell of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from polaris import attention
from polaris.attention import Item
from polaris.config import Config
from tests.support.cast import now

Open = Callable[..., list[Item]]


@pytest.fixture
def open_items(app: object, config: Config) -> Open:
    """What is open of a kind, or of all kinds, at an instant."""

    def read(kind: str = "", at: datetime | None = None, after: timedelta = timedelta()) -> list[Item]:
        found = attention.read((at or now()) + after, ())
        return [item for section in found.sections for item in section.items if kind in ("", section.kind.name)]

    return read
