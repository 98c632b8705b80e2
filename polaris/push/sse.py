"""What goes over a stream, as bytes: flask-sse's messages, each made once for all the pages that get it."""

from __future__ import annotations

from flask_sse import Message

from polaris.rendering import fragments
from polaris.rendering.fragments import Fragments

CONNECTED = b": connected\n\n"  # so that headers and a first byte go out at once
SIGNED_OUT = str(Message("signed out", type="signed-out")).encode()


def in_place(changed: Fragments) -> bytes:
    """Fragments, which htmx puts in their places.

    As `Message` writes it, which takes a text apart line by line: a session's page has hundreds of them.
    """
    text = fragments.in_place(changed)
    if "\r" in text:
        text = "\n".join(text.splitlines())
    return ("data:" + text.replace("\n", "\ndata:") + "\n\n").encode()


def heartbeat(every_s: float, spread_s: float) -> bytes:
    """Until when the next one comes, and over how long the pages spread if they all have to come back at once."""
    return str(Message(f"{every_s:g} {spread_s:g}", type="heartbeat")).encode()
