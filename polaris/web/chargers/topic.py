"""A charger's page as a topic: what operators watch of one charger, and its fragments.

Its newest messages are looked for each second while somebody watches, at the end of the log of frames: so the bridge
does nothing for them, frame by frame. All else is read when something of it is announced, and every few seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from flask import render_template

from polaris import bus
from polaris.bus import Announcement
from polaris.domain.session_page import Viewer
from polaris.frames.tail import Tails
from polaris.live import charger_page
from polaris.live.charger_page import ChargerPage, Messages
from polaris.live.fragments import Fragments
from polaris.live.topics import TIME, Settings, State

LOOK_EVERY = timedelta(seconds=1)
READ_EVERY = timedelta(seconds=5)
ANNOUNCED = 1  # what a hint that concerns the charger makes of the topic
_BY_TIME = frozenset({TIME})  # whoever comes, and every page after a break of Redis, gets what is so now


@dataclass(frozen=True, slots=True)
class Shown:
    """What the fragments show."""

    charger: ChargerPage
    messages: Messages


def facts(charger: ChargerPage) -> Fragments:
    """What the charger is, and what its connectors do."""
    return _fragments(charger, ("header", "connectors"))


def last_messages(charger: ChargerPage, messages: Messages) -> Fragments:
    return _fragments(charger, ("messages",), messages=messages)


def sessions(charger: ChargerPage, viewer: Viewer, operator_contact: str) -> Fragments:
    """The sessions that run, with their stop controls, and those that are past."""
    return _fragments(charger, ("running", "sessions"), viewer=viewer, operator_contact=operator_contact)


def _fragments(charger: ChargerPage, nouns: Iterable[str], **more: object) -> Fragments:
    return {
        f"charger-{charger.id}-{noun}": render_template(f"chargers/_{noun}.html", charger=charger, **more)
        for noun in nouns
    }


class _Memory:
    """What was read last, until when that holds, and what was rendered of it. One worker at a time has it in hand."""

    def __init__(self) -> None:
        self.charger: ChargerPage | None = None
        self.holds_until = datetime.min.replace(tzinfo=UTC)
        self._rendered: dict[object, tuple[object, Fragments]] = {}

    def rendered(self, key: object, of: object, render: Callable[[], Fragments]) -> Fragments:
        """What `render` makes of `of`, or made of the same before."""
        known = self._rendered.get(key)
        if known is None or known[0] != of:
            known = self._rendered[key] = (of, render())
        return known[1]


@dataclass(frozen=True, slots=True)
class ChargerTopic:
    """A charger's page, with the past sessions below `before`, or the newest."""

    charger_id: int
    tails: Tails = field(compare=False)
    before: int | None = None
    pace_s: ClassVar[float] = 0.25
    _memory: _Memory = field(default_factory=_Memory, compare=False, repr=False)

    @property
    def channels(self) -> tuple[str, ...]:
        return bus.ALL_CHARGERS, bus.ALL_SESSIONS

    def concerns(self, hint: Announcement) -> int | None:
        return ANNOUNCED if hint.data.get("charger") == self.charger_id else None

    def read(self, changed: frozenset[int], now: datetime, settings: Settings) -> State:
        memory = self._memory
        if memory.charger is None or changed != _BY_TIME or now >= memory.holds_until:
            memory.charger = charger = charger_page.read(self.charger_id, now, before=self.before)
            memory.holds_until = min(now + READ_EVERY, (charger and charger.changes_at) or now + READ_EVERY)
        messages = memory.charger and charger_page.messages(memory.charger, self.tails)
        return State(memory.charger and messages and Shown(memory.charger, messages), now + LOOK_EVERY)

    def shared(self, state: State) -> Fragments:
        if not isinstance(state.value, Shown):
            return {}
        charger, messages = state.value.charger, state.value.messages
        return self._memory.rendered("charger", charger, lambda: facts(charger)) | self._memory.rendered(
            "messages", messages, lambda: last_messages(charger, messages)
        )

    def own(self, state: State, viewer: Viewer, settings: Settings) -> Fragments:
        if not isinstance(state.value, Shown):
            return {}
        charger, contact = state.value.charger, settings.operator_contact
        return self._memory.rendered(viewer, charger, lambda: sessions(charger, viewer, contact))
