"""The topic of a charger's page, which only operators can watch.

While the page is open, the charger's newest messages are read from the OCPP log each second, so that the bridge has no
extra work for each frame. Everything else is read on a change notification, and every few seconds. Of its settings,
which may be thousands, only the version is pushed: a page that shows another one fetches the list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from polaris import pubsub
from polaris.domain.viewer import Viewer
from polaris.ocpp_log.tail import Tails
from polaris.pubsub import PubSubMessage
from polaris.push.topic import TIME, WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments
from polaris.web.chargers import fragments, queries
from polaris.web.chargers.queries import ChargerView, Messages
from polaris.web.commands import queries as command_queries
from polaris.web.commands.view import CommandLine

MESSAGES_INTERVAL = timedelta(seconds=1)
CHARGER_INTERVAL = timedelta(seconds=5)  # its last contact is not published: without it, the page would show an old one


@dataclass(frozen=True, slots=True)
class ChargerState:
    """The charger, its messages, its settings' version and its commands: the arguments of the fragments."""

    charger: ChargerView
    messages: Messages
    settings_version: str
    commands: tuple[CommandLine, ...]


class ChargerTopic(Topic):
    """A charger's page, with its newest past sessions, or those below `before`.

    It keeps the charger as it was last read, and the fragments rendered of it: mostly, only the messages are new.
    """

    pace_s: ClassVar[float] = 0.25  # a charger that boots sends a dozen messages at once

    def __init__(self, charger_id: int, tails: Tails, before: int | None = None) -> None:
        super().__init__(charger_id, before)
        self.charger_id = charger_id
        self.before = before
        self.tails = tails
        self._charger: ChargerView | None = None
        self._settings_version = ""
        self._commands: tuple[CommandLine, ...] = ()
        self._reread_at = datetime.min.replace(tzinfo=UTC)
        self._rendered: dict[object, tuple[object, Fragments]] = {}

    @property
    def channels(self) -> tuple[str, ...]:
        return pubsub.ALL_CHARGERS, pubsub.ALL_SESSIONS

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE if message.data.get("charger") == self.charger_id else None

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        if self._charger is None or changes != {TIME} or now >= self._reread_at:
            self._charger = queries.charger_view(self.charger_id, now, before=self.before)
            changes_at = None if self._charger is None else self._charger.changes_at
            self._reread_at = min(now + CHARGER_INTERVAL, changes_at or now + CHARGER_INTERVAL)
            if self._charger is not None:
                self._settings_version = queries.settings_version(self.charger_id)
                self._commands = command_queries.lines(self.charger_id, now)
        if self._charger is None:
            return State(None, now + MESSAGES_INTERVAL)
        messages = queries.messages(self._charger, self.tails)
        state = ChargerState(self._charger, messages, self._settings_version, self._commands)
        return State(state, now + MESSAGES_INTERVAL)

    def common(self, state: State) -> Fragments:
        if not isinstance(state.value, ChargerState):
            return {}
        charger, messages, version = state.value.charger, state.value.messages, state.value.settings_version
        commands = state.value.commands
        return (
            self._render("facts", charger, lambda: fragments.facts(charger))
            | self._render("messages", messages, lambda: fragments.last_messages(charger, messages))
            | self._render("commands", (charger.identity, commands), lambda: fragments.commands(charger, commands))
            | self._render("settings", version, lambda: fragments.settings_version(charger, version))
        )

    def per_viewer(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        if not isinstance(state.value, ChargerState):
            return {}
        charger, contact = state.value.charger, settings.operator_contact
        return self._render(viewer, charger, lambda: fragments.sessions(charger, viewer, contact))

    def _render(self, key: object, value: object, render: Callable[[], Fragments]) -> Fragments:
        """Render a value, or return what was rendered last under the key if the value is the same."""
        last = self._rendered.get(key)
        if last is None or last[0] != value:
            last = self._rendered[key] = (value, render())
        return last[1]
