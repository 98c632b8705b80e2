"""The settings of two chargers side by side, those that differ first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from polaris.domain import settings
from polaris.domain.redaction import REDACTED
from polaris.domain.settings import Setting, SettingsView

ROWS = 200


@dataclass(frozen=True, slots=True)
class Cell:
    """A setting of one charger, and another value that it has accepted since it reported this one, if there is one."""

    setting: Setting
    set_to: str | None


@dataclass(frozen=True, slots=True)
class ComparedSetting:
    """A setting of two chargers; a charger that has none of it has None."""

    ours: Cell | None
    theirs: Cell | None
    is_different: bool

    @property
    def names(self) -> Setting:
        """The setting by which to name it."""
        cell = self.ours or self.theirs
        assert cell is not None
        return cell.setting

    @property
    def key(self) -> str:
        """The name by which our charger can be set as theirs is; "" if it cannot, or is already."""
        if self.ours is None or self.theirs is None or not self.is_different:
            return ""
        wanted = self.theirs.setting.value
        return "" if wanted in (REDACTED, self.ours.set_to) else self.ours.setting.command_key


@dataclass(frozen=True, slots=True)
class Side:
    """A charger or a baseline that is compared, with when its settings were reported and whether it has any."""

    name: str
    identity: str  # "" for a baseline
    reported_at: datetime | None
    is_known: bool
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Some rows of a comparison, from `start` on. If one of the two sides is not known, nothing is compared."""

    sides: tuple[Side, Side]
    rows: tuple[ComparedSetting, ...]
    differing: int
    total: int
    start: int

    @property
    def next_start(self) -> int | None:
        end = self.start + len(self.rows)
        return end if end < self.total else None


@dataclass(frozen=True, slots=True)
class Named:
    """Settings, and whose they are."""

    name: str
    identity: str
    view: SettingsView

    @property
    def side(self) -> Side:
        view = self.view
        return Side(self.name, self.identity, view.reported_at, bool(view.settings), view.is_complete)

    def cell(self, setting: Setting | None) -> Cell | None:
        return setting and Cell(setting, self.view.set_to(setting))


def compared(ours: Named, theirs: Named, start: int) -> Comparison:
    """Compare two chargers' settings, or a charger's with a baseline."""
    sides = ours.side, theirs.side
    is_known = all(side.is_known for side in sides)
    pairs = settings.differences(ours.view.settings, theirs.view.settings) if is_known else []
    differing = sum(map(settings.is_different, pairs))
    start = start if start < len(pairs) else 0
    rows = (
        ComparedSetting(ours.cell(pair[0]), theirs.cell(pair[1]), settings.is_different(pair))
        for pair in pairs[start : start + ROWS]
    )
    return Comparison(sides, tuple(rows), differing, len(pairs), start)
