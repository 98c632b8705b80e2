"""A charger's page as a topic: what operators watch of one charger, and its fragments.

The page is read anew each second while somebody looks: so its newest messages come out of the log of frames without the
bridge doing anything for it, frame by frame. What is announced comes at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from flask import render_template

from polaris import bus
from polaris.bus import Announcement
from polaris.domain.session_page import Viewer
from polaris.frames.tail import Tails
from polaris.live import charger_page
from polaris.live.charger_page import ChargerPage
from polaris.live.fragments import Fragments
from polaris.live.topics import WHOLE, Settings, State

LOOK_EVERY = timedelta(seconds=1)

_SHARED = ("header", "connectors", "messages")
_OWN = ("running", "sessions")


def fragments(page: ChargerPage, viewer: Viewer, operator_contact: str) -> Fragments:
    """All the fragments of a charger's page."""
    return shared(page) | own(page, viewer, operator_contact)


def shared(page: ChargerPage) -> Fragments:
    return {f"charger-{page.id}-{noun}": render_template(f"chargers/_{noun}.html", charger=page) for noun in _SHARED}


def own(page: ChargerPage, viewer: Viewer, operator_contact: str) -> Fragments:
    arguments = {"charger": page, "viewer": viewer, "operator_contact": operator_contact}
    return {f"charger-{page.id}-{noun}": render_template(f"chargers/_{noun}.html", **arguments) for noun in _OWN}


@dataclass(frozen=True, slots=True)
class ChargerTopic:
    """A charger's page, with the past sessions below `before`, or the newest."""

    charger_id: int
    tails: Tails = field(compare=False)
    before: int | None = None
    pace_s: ClassVar[float] = 0.25

    @property
    def channels(self) -> tuple[str, ...]:
        return bus.ALL_CHARGERS, bus.ALL_SESSIONS

    def concerns(self, hint: Announcement) -> int | None:
        return WHOLE if hint.data.get("charger") == self.charger_id else None

    def read(self, changed: frozenset[int], now: datetime, settings: Settings) -> State:
        return State(charger_page.read(self.charger_id, self.tails, now, before=self.before), now + LOOK_EVERY)

    def shared(self, state: State) -> Fragments:
        return shared(state.value) if isinstance(state.value, ChargerPage) else {}

    def own(self, state: State, viewer: Viewer, settings: Settings) -> Fragments:
        if not isinstance(state.value, ChargerPage):
            return {}
        return own(state.value, viewer, settings.operator_contact)
