"""A charger's page as a topic: what operators watch of one charger, and its fragments.

Its newest messages are looked for each second while somebody watches, at the end of the log of frames: so the bridge
does nothing for them, frame by frame. All else is read when something of it is announced, and every few seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from polaris import pubsub
from polaris.domain.viewer import Viewer
from polaris.ocpp_log.tail import Tails
from polaris.pubsub import PubSubMessage
from polaris.push.topic import TIME, RenderSettings, State
from polaris.rendering.fragments import Fragments
from polaris.web.chargers import fragments, queries
from polaris.web.chargers.queries import ChargerView, Messages

LOOK_EVERY = timedelta(seconds=1)
READ_EVERY = timedelta(seconds=5)
ANNOUNCED = 1  # what a hint that concerns the charger makes of the topic
_BY_TIME = frozenset({TIME})  # whoever comes, and every page after a break of Redis, gets what is so now


@dataclass(frozen=True, slots=True)
class Shown:
    """What the fragments show."""

    charger: ChargerView
    messages: Messages


class _Memory:
    """What was read last, until when that holds, and what was rendered of it. One worker at a time has it in hand."""

    def __init__(self) -> None:
        self.charger: ChargerView | None = None
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
        return pubsub.ALL_CHARGERS, pubsub.ALL_SESSIONS

    def concerns(self, hint: PubSubMessage) -> int | None:
        return ANNOUNCED if hint.data.get("charger") == self.charger_id else None

    def read(self, changed: frozenset[int], now: datetime, settings: RenderSettings) -> State:
        memory = self._memory
        if memory.charger is None or changed != _BY_TIME or now >= memory.holds_until:
            memory.charger = charger = queries.read(self.charger_id, now, before=self.before)
            memory.holds_until = min(now + READ_EVERY, (charger and charger.changes_at) or now + READ_EVERY)
        messages = memory.charger and queries.messages(memory.charger, self.tails)
        return State(memory.charger and messages and Shown(memory.charger, messages), now + LOOK_EVERY)

    def shared(self, state: State) -> Fragments:
        if not isinstance(state.value, Shown):
            return {}
        charger, messages = state.value.charger, state.value.messages
        return self._memory.rendered("charger", charger, lambda: fragments.facts(charger)) | self._memory.rendered(
            "messages", messages, lambda: fragments.last_messages(charger, messages)
        )

    def own(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        if not isinstance(state.value, Shown):
            return {}
        charger, contact = state.value.charger, settings.operator_contact
        return self._memory.rendered(viewer, charger, lambda: fragments.sessions(charger, viewer, contact))
