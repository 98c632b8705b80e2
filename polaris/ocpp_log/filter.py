"""A filter of a charger's messages: by kind, direction, outcome, and a text anywhere in the frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from polaris.domain.filters import Filter, Values
from polaris.ocpp_log.exchange import Exchange, Kind
from polaris.ocpp_log.message import CALLERROR, Message

GOOD_STATUSES = ("Accepted", "Scheduled", "Unlocked", "RebootRequired", "Downloaded", "Installed")
MAX_TEXT_LENGTH = 100  # of what is looked for


class Direction(StrEnum):
    """The sender of a message; or the messages' connections themselves."""

    FROM_CHARGER = "from_charger"
    TO_CHARGER = "to_charger"
    CONNECTION = "connection"


_CONNECTION = (Kind.OPENED, Kind.CLOSED)


@dataclass(frozen=True, slots=True)
class MessageFilter(Filter):
    """The messages that are wanted. Their answers come with them, and what an answer says counts as theirs."""

    NAMES: ClassVar = {"action": "action", "direction": "direction", "bad": "is_bad", "text": "text"}

    action: str = ""
    direction: str = ""
    is_bad: bool = False
    text: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> MessageFilter:
        """Parse a URL's parameters."""
        read = Values(values, cls.NAMES)
        action, direction = read.text("action", MAX_TEXT_LENGTH), read.choice("direction", Direction)
        return cls(action, direction, read.flag("bad"), read.text("text", MAX_TEXT_LENGTH), wrong=read.wrong)

    def matches(self, exchange: Exchange) -> bool:
        """Tell whether an exchange is wanted."""
        if self.wrong:
            return False
        if self.direction and not self._is_directed(exchange):
            return False
        if self.action and (exchange.message is None or exchange.message.action.casefold() != self.action.casefold()):
            return False
        if self.is_bad and not is_bad(exchange):
            return False
        text = self.text.casefold()
        return not text or text in exchange.frame.casefold() or text in exchange.answer_frame.casefold()

    def _is_directed(self, exchange: Exchange) -> bool:
        if self.direction == Direction.CONNECTION:
            return exchange.kind in _CONNECTION
        return exchange.kind == self.direction


def is_bad(exchange: Exchange) -> bool:
    """Tell whether an exchange needs attention: a refusal, a fault, or no valid message."""
    if exchange.kind in _CONNECTION:
        return False
    message, answer = exchange.message, exchange.answer
    if message is None or message.code:
        return True
    if message.action == "StatusNotification" and "Faulted" in message.payload.text("status", "connectorStatus"):
        return True
    return answer is not None and (answer.type == CALLERROR or status(answer) not in ("", *GOOD_STATUSES))


def status(answer: Message) -> str:
    """Return the status that an answer gives, of its card if it names one."""
    card = answer.payload.inner("idTagInfo").text("status") or answer.payload.inner("idTokenInfo").text("status")
    return card or answer.payload.text("status")
