"""A charger's settings as its page lists them: those that are searched for, some at a time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from polaris.domain.redaction import REDACTED
from polaris.domain.settings import Setting, SettingsView

ROWS = 100  # without it, a charger with thousands would make its page slow


@dataclass(frozen=True, slots=True)
class ListedSetting:
    """A setting; `key` is the name by which a form changes it, "" if none can.

    `set_to` is another value that the charger has accepted since it reported this one; None if there is none.
    """

    setting: Setting
    key: str
    needs_restart: bool
    set_to: str | None

    @property
    def value(self) -> str:
        """Its value as a form is filled in with it."""
        if self.set_to is not None:
            return self.set_to
        return "" if self.setting.value == REDACTED else self.setting.value


@dataclass(frozen=True, slots=True)
class SettingsList:
    """The settings that match a search, from one of them on; `reported_at` is when the whole list came."""

    rows: tuple[ListedSetting, ...]
    total: int
    matching: int
    search: str
    start: int
    reported_at: datetime | None
    is_complete: bool

    @property
    def next_start(self) -> int | None:
        end = self.start + len(self.rows)
        return end if end < self.matching else None

    @property
    def parameters(self) -> dict[str, str | int]:
        """The parameters of this list's address."""
        return {name: value for name, value in (("setting", self.search), ("setting_from", self.start)) if value}


def listed(view: SettingsView, waiting: Collection[str], search: str, start: int) -> SettingsList:
    """Return the settings that match a search, some of them from `start` on."""
    words = search.casefold().split()
    matching = [setting for setting in view.settings if setting.has(words)]
    start = start if start < len(matching) else 0
    rows = tuple(_row(setting, view, waiting) for setting in matching[start : start + ROWS])
    return SettingsList(
        rows, len(view.settings), len(matching), search, start, view.reported_at, is_complete=view.is_complete
    )


def _row(setting: Setting, view: SettingsView, waiting: Collection[str]) -> ListedSetting:
    key = setting.command_key
    return ListedSetting(setting, key, bool(key) and key.casefold() in waiting, view.set_to(setting))
