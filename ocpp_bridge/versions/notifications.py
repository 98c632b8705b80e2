"""Messages that change no session: the newest of each Action is kept as it came, and every one gets the same answer."""

from __future__ import annotations

from ocpp_bridge.versions.base import Handler, IncomingCall, Payload
from polaris.domain.facts import ChargerNotified


def kept(answer: object = None) -> Handler:
    """Return the handler of an Action that is only kept and answered, with None if the answer has no fields."""
    return Handler(keep, lambda *_: answer)


def keep(_: Payload, call: IncomingCall) -> ChargerNotified:
    """Return the fact for a message that is kept under its Action."""
    return notified(call, call.action)


def notified(call: IncomingCall, topic: str, request: str = "", part: int = 0) -> ChargerNotified:
    """Return the fact for a message, or one part of a report, that is kept under a topic."""
    return ChargerNotified(
        charger_id=call.charger_id,
        received_at=call.received_at,
        raw=call.raw,
        topic=topic,
        request=request,
        part=part,
    )
