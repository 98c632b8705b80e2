"""The press of a run's button: what it asks for and of what, and which press it is, so that a second counts once."""

from __future__ import annotations

from typing import Literal

from flask import request

from polaris.commissioning.actions import Action
from polaris.domain.sentences import N_

STOP: Literal["stop"] = "stop"
NO_BUTTON = N_("No button of this page asks for that, so nothing was done.")


_NAMED = (Action.SET, Action.UNLOCK, STOP)  # those whose button names a setting, a connector or a session


def pressed() -> tuple[Action | Literal["stop"] | None, str, str]:
    """Return what a button asks for, None if no button does; its press, and what it named."""
    name, _, rest = request.form.get("ask", "").replace("\0", "").partition(" ")
    press, _, shown = ("", "", rest) if name == STOP else rest.partition(" ")
    action = STOP if name == STOP else Action(name) if name in list(Action) else None
    if action in _NAMED and not shown:
        action = None
    return action, f"{name} {press[:20]} {shown[:200]}", shown
