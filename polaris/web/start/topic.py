"""The topic of a connector's page, as one driver sees it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polaris import pubsub
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments
from polaris.web.start import fragments, queries
from polaris.web.start.view import StartPage


class StartTopic(Topic):
    """A connector's page: its charger, the sessions there, and the driver's account, cards, sessions and starts."""

    __slots__ = ("_charger_id", "_sessions", "account_id", "connector", "identity")

    pace_s: ClassVar[float] = 0.25  # a session at the charger's other connector sends a reading each second

    def __init__(self, account_id: int, charger_id: int, identity: str, connector: int) -> None:
        super().__init__(account_id, charger_id, connector)
        self.account_id, self.identity, self.connector = account_id, identity, connector
        self._charger_id = charger_id
        self._sessions: frozenset[int] = frozenset()  # with the driver's cards, wherever they are

    @property
    def channels(self) -> tuple[str, ...]:
        return pubsub.ALL_CHARGERS, pubsub.ALL_SESSIONS, pubsub.account_channel(self.account_id)

    def changes(self, message: PubSubMessage) -> Change | None:
        is_of_charger = message.data.get("charger") == self._charger_id
        is_of_account = message.kind in (pubsub.ACCOUNT_CHANGED, pubsub.START_CHANGED)
        return WHOLE if is_of_charger or is_of_account or message.data.get("session") in self._sessions else None

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        page = queries.page(self.identity, self.connector, self.account_id, now, settings.operator_contact)
        if page is None:
            return State(None)
        self._sessions = page.sessions
        return State(page, page.changes_at)

    def common(self, state: State) -> Fragments:
        return fragments.start(state.value) if isinstance(state.value, StartPage) else {}
