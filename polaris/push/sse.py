"""Server-sent events as bytes, in flask-sse's format. Each event is encoded once for all its subscribers."""

from __future__ import annotations

from flask_sse import Message

from polaris.rendering import fragments
from polaris.rendering.fragments import AnyFragments

CONNECTED = b": connected\n\n"  # a first byte, so that the head of the answer is sent at once
# Another stream of the same account took this one's place.
DISPLACED = str(Message("displaced", type="displaced")).encode()
SIGNED_OUT = str(Message("signed out", type="signed-out")).encode()


def in_place(number: int, changed: AnyFragments) -> bytes:
    """Encode fragments, which htmx swaps in. The event's type is the number of their topic.

    The bytes are those of `Message`, which would split a session's page, hundreds of lines, line by line.
    """
    text = fragments.in_place(changed)
    if "\r" in text:
        text = "\n".join(text.splitlines())
    return (f"event:{number}\ndata:" + text.replace("\n", "\ndata:") + "\n\n").encode()


def named(number: int, name: str) -> bytes:
    """Encode the number that the events of a topic have, with the name under which the page asked for it."""
    return str(Message(f"{number} {name}", type="topic")).encode()


def refused(name: str) -> bytes:
    """Encode that a topic may not be watched."""
    return str(Message(name, type="refused")).encode()


def heartbeat(interval_s: float, spread_s: float) -> bytes:
    """Encode a heartbeat: the time until the next one, and the time over which pages spread their reconnects."""
    return str(Message(f"{interval_s:g} {spread_s:g}", type="heartbeat")).encode()
