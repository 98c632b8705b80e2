"""The performing of a verb: it is checked against what the person saw, made, audited and announced."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from polaris import pubsub
from polaris.administration import Refused
from polaris.domain.arguments import StrictStruct
from polaris.models import blocking, database, take_turns
from polaris.services import Services
from polaris.verbs.verb import Done, Notifications, Request, Values, Verb

LOCK = 0x706F6C62  # PostgreSQL's advisory lock of changes that are checked against what a person saw

CHANGED = "It was changed meanwhile, so nothing of yours was taken over. Look at it, and send it again."


class Changed(Refused):
    """A change that was not made, since its target has changed from what the person saw."""


def perform(
    services: Services, verb: Verb, arguments: StrictStruct, *, actor: str, now: datetime, seen: Values | None = None
) -> Done:
    """Make a change. Raise `Refused` if it cannot be made, `Changed` if the target is not as it was `seen`."""
    request = Request(services, Notifications(), actor, now)
    done = verb.run(request, arguments) if verb.present is None else _made(verb, request, arguments, seen)
    services.publisher.announce([*request.notifications, *pubsub.records_changed()])
    return done


@blocking
def _made(verb: Verb, request: Request, arguments: StrictStruct, seen: Values | None) -> Done:
    """Compare and change in one transaction, and one change at a time: none overwrites what it has not seen."""
    with database.atomic():
        take_turns(LOCK)
        present = _present(verb, arguments)
        if seen is not None and seen != present:
            if _is_as_asked(verb, arguments, present):
                return Done("That is so already.")
            raise Changed(CHANGED)
        return verb.run(request, arguments)


def _present(verb: Verb, arguments: StrictStruct) -> Values:
    assert verb.present is not None
    return verb.present(str(getattr(arguments, verb.target)))


def _is_as_asked(verb: Verb, arguments: StrictStruct, present: Values) -> bool:
    """Whether the target has the values that were asked for, as after a second press."""
    asked = texts(arguments)
    return all(asked.get(name, "") == value for name, value in present.items() if name in asked)


def texts(arguments: StrictStruct) -> dict[str, str]:
    """Return the values of arguments as a form shows them."""
    names = [field.name for field in msgspec.structs.fields(arguments)]
    return {name: text(getattr(arguments, name)) for name in names}


def text(value: Any) -> str:
    """Return a value as a form shows it: nothing for none, a list as lines."""
    if value is None or value is False:
        return ""
    if isinstance(value, tuple):
        return "\n".join(map(str, value))
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def as_seen(text: str) -> Values:
    """Return the values that a form was made with, from its hidden field; none of them if it is not one of ours."""
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError:
        return {}
