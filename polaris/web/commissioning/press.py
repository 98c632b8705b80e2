"""The press of a run's button: what it asks for, and which press it is, so that one that comes twice counts once."""

from __future__ import annotations

from typing import Literal

from flask import request

from polaris.commissioning.actions import Action

STOP: Literal["stop"] = "stop"
NO_BUTTON = "No button of this page asks for that, so nothing was done."


def pressed() -> tuple[Action | Literal["stop"] | None, str, str]:
    """Return what a button asks for, None if no button does; its press, and the setting that it is about."""
    name, _, rest = request.form.get("ask", "").partition(" ")
    press, _, setting = rest.partition(" ")
    action = STOP if name == STOP else Action(name) if name in list(Action) else None
    if action is Action.SET and not setting:
        action = None
    return action, f"{name} {press[:20]} {setting[:200]}", setting
