"""The performing of a verb: it is checked against what the person saw, made once, audited and announced."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from datetime import datetime
from typing import Any

import msgspec

from polaris import pubsub
from polaris.administration import AlreadySo, Refused
from polaris.domain.arguments import StrictStruct
from polaris.domain.instants import clock_text
from polaris.domain.sentences import N_, Sentence, say
from polaris.models import SentForm, blocking, database, take_turns
from polaris.services import Services
from polaris.verbs.verb import REVISION, Done, Notifications, Request, Values, Verb

LOCK = 0x706F6C62  # PostgreSQL's advisory lock of changes that are checked against what a person saw

DONE_ALREADY = say("That has been done already, and was not done again.")
UNDER_WAY = say("This was sent already and may still be under way. See whether it was done before you send it again.")
SO_ALREADY = say("That is so already.")
GONE = say("Meanwhile it was renamed or deleted, so nothing was done. Look where it is now before you send this again.")
RENAMED = N_(
    "Meanwhile it was renamed: it is called %(name)s now. Nothing was done. Look at it there before you send this "
    "again."
)
OTHERS = say("Meanwhile it would do something else than you were shown, or to others. Look at it, and send it again.")
CHANGED = say("It was changed meanwhile, so nothing of yours was taken over. Look at it, and send it again.")


class Changed(Refused):
    """A change that was not made, since its target has changed from what the person saw."""


def perform_once(services: Services, verb: Verb, arguments: StrictStruct, *, key: str, **terms: Any) -> Done:
    """Make the change that a form asks for, as `perform` does, once for each random `key` that a form was made with.

    A second press and a reload after a lost answer change nothing more. With other values it is another change.
    Without a key each press counts: a button such as "Pause" is pressed again.
    """
    if not key:
        return perform(services, verb, arguments, **terms)
    digest = _digest(verb, arguments, key)
    if not _is_new(digest, terms["now"]):
        return Done(DONE_ALREADY)
    try:
        done = perform(services, verb, arguments, **terms)
    except Refused:
        _forget(digest)
        raise
    _keep_done(digest)
    return done


@blocking
def was_sent(verb: Verb, arguments: StrictStruct, key: str) -> bool:
    """Whether a form that was made with this key has been sent with these values."""
    return SentForm.get_or_none(SentForm.digest == _digest(verb, arguments, key)) is not None


def _digest(verb: Verb, arguments: StrictStruct, key: str) -> str:
    return hashlib.sha256("\0".join((key, verb.title, *texts(arguments).values())).encode()).hexdigest()


@blocking
def _is_new(digest: str, now: datetime) -> bool:
    """Whether a form is sent for the first time. Raise `Refused` if it is not known what became of the first."""
    if SentForm.insert(digest=digest, at=now).on_conflict_ignore().as_rowcount().execute():
        return True
    if not SentForm.get_by_id(digest).is_done:
        raise Refused(UNDER_WAY)
    return False


@blocking
def _forget(digest: str) -> None:
    SentForm.delete().where(SentForm.digest == digest).execute()


@blocking
def _keep_done(digest: str) -> None:
    SentForm.update(is_done=True).where(SentForm.digest == digest).execute()


def perform(
    services: Services,
    verb: Verb,
    arguments: StrictStruct,
    *,
    actor: str,
    now: datetime,
    seen: Values | None = None,
    shown: Set[str] | None = None,
) -> Done:
    """Make a change. Raise `Refused` if it cannot be made.

    Raise `Changed` if the target is not as it was `seen`, or the change would hit others than it was `shown` to hit.
    """
    request = Request(services, Notifications(), actor, now)
    try:
        done = _made(verb, request, arguments, seen, shown) if verb.is_compared else verb.run(request, arguments)
    except AlreadySo as so:
        return Done(so.sentence)
    services.publisher.announce([*request.notifications, *pubsub.records_changed()])
    return done


@blocking
def _made(verb: Verb, request: Request, arguments: StrictStruct, seen: Values | None, shown: Set[str] | None) -> Done:
    """Compare and change in one transaction, and one change at a time: none hits or overwrites what was not seen."""
    with database.atomic():
        take_turns(LOCK)
        if shown is not None and not _hits(verb, arguments) <= shown:
            raise Changed(OTHERS)
        if seen is not None and verb.present is not None:
            present = _present(verb, arguments, seen)
            if seen != present:
                if _is_as_asked(verb, arguments, present, seen):
                    return Done(SO_ALREADY)
                raise Changed(CHANGED if present else _gone(verb, arguments))
        return verb.run(request, arguments)


def _hits(verb: Verb, arguments: StrictStruct) -> Set[str]:
    warning = verb.warning(texts(arguments)) if verb.warning else None
    return frozenset(warning.hits if warning else ())


def _present(verb: Verb, arguments: StrictStruct, seen: Values | None) -> Values:
    """Return the target's values. Raise `Changed` if the person has seen it, and it is not there any more."""
    try:
        return verb.now(texts(arguments))
    except Refused:
        if seen:
            raise Changed(_gone(verb, arguments)) from None
        raise


def _gone(verb: Verb, arguments: StrictStruct) -> Sentence:
    """Say that the target is not there any more, and what it is called now if that is known."""
    name = verb.renamed_to(str(getattr(arguments, verb.target))) if verb.renamed_to else ""
    return say(RENAMED, name=name) if name else GONE


def _is_as_asked(verb: Verb, arguments: StrictStruct, present: Values, seen: Values) -> bool:
    """Whether the target has all that was asked for, as after a second press.

    What else the person saw, such as the currency of prices, has to be as it was: the same number would mean another.
    """
    asked = texts(arguments)
    asked.pop(verb.target)
    others = present.keys() - asked.keys() - {REVISION}
    return all(present.get(name, "") == value for name, value in asked.items()) and all(
        present[name] == seen.get(name) for name in others
    )


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
        return clock_text(value)
    return str(value)


def as_seen(text: str) -> Values:
    """Return the values that a form was made with, from its hidden field; none of them if it is not one of ours."""
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError:
        return {}
