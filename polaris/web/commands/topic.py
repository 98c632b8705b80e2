"""The topics of the commands to a charger, which only operators can watch. What changes is told of the charger."""

from __future__ import annotations

from datetime import datetime

from polaris import pubsub
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change
from polaris.web.commands import queries
from polaris.web.lists import ListTopic


class CommandsTopic(ListTopic):
    """A page of a charger's commands: the newest, or those below a number."""

    template = "commands/_list.html"
    root_id = "charger-commands"

    def __init__(self, charger_id: int, identity: str, number: int | None) -> None:
        super().__init__(charger_id, number)
        self._charger_id, self._identity, self._number = charger_id, identity, number

    @property
    def channels(self) -> tuple[str, ...]:
        return (pubsub.ALL_CHARGERS,)

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE if message.data.get("charger") == self._charger_id else None

    def page(self, now: datetime) -> object:
        return queries.page(self._identity, self._number, now)


class CommandTopic(CommandsTopic):
    """The command of a number, with its texts whole."""

    template = "commands/_command.html"
    root_id = "command"

    def page(self, now: datetime) -> object:
        return queries.command(self._identity, self._number or 0, now)
