"""The settings of two chargers side by side, those that differ first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from polaris.domain import settings
from polaris.domain.redaction import REDACTED
from polaris.domain.settings import Setting

ROWS = 200


@dataclass(frozen=True, slots=True)
class ComparedSetting:
    """A setting of two chargers; a charger that has none of it has None."""

    ours: Setting | None
    theirs: Setting | None
    is_different: bool

    @property
    def names(self) -> Setting:
        """The setting by which to name it."""
        setting = self.ours or self.theirs
        assert setting is not None
        return setting

    @property
    def key(self) -> str:
        """The name by which our charger can be set as theirs is; "" if it cannot, or is already."""
        has_value = self.theirs is not None and self.theirs.value != REDACTED
        return self.ours.command_key if self.ours is not None and self.is_different and has_value else ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Some rows of a comparison, from `start` on."""

    rows: tuple[ComparedSetting, ...]
    differing: int
    total: int
    start: int
    is_ours_known: bool  # whether our charger has reported any; if one of the two has not, nothing is compared
    is_theirs_known: bool

    @property
    def next_start(self) -> int | None:
        end = self.start + len(self.rows)
        return end if end < self.total else None


def compared(ours: Iterable[Setting], theirs: Iterable[Setting], start: int) -> Comparison:
    """Compare two chargers' settings."""
    ours, theirs = tuple(ours), tuple(theirs)
    found = settings.differences(ours, theirs) if ours and theirs else ()
    pairs = [ComparedSetting(*pair, settings.is_different(pair)) for pair in found]
    start = start if start < len(pairs) else 0
    differing = sum(pair.is_different for pair in pairs)
    return Comparison(tuple(pairs[start : start + ROWS]), differing, len(pairs), start, bool(ours), bool(theirs))
