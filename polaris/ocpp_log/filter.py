"""A filter of a charger's messages: by kind, direction, outcome, and a text anywhere in the frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

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
class MessageFilter:
    """The messages that are wanted. Their answers come with them, and what an answer says counts as theirs."""

    action: str = ""
    direction: str = ""
    is_bad: bool = False
    text: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> MessageFilter:
        """Parse a URL's parameters: any that is not understood filters nothing."""
        direction = values.get("direction", "")
        return cls(
            _text(values.get("action", "")),
            direction if direction in tuple(Direction) else "",
            values.get("bad", "") == "1",
            _text(values.get("text", "")),
        )

    def parameters(self) -> dict[str, str]:
        """Return the parameters of a URL."""
        values = {
            "action": self.action,
            "direction": self.direction,
            "bad": "1" if self.is_bad else "",
            "text": self.text,
        }
        return {name: value for name, value in values.items() if value}

    def matches(self, exchange: Exchange) -> bool:
        """Tell whether an exchange is wanted."""
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


def _text(value: str) -> str:
    return value.strip()[:MAX_TEXT_LENGTH]
