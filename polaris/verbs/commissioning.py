"""Verbs for the commissioning of a charger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

from polaris import pubsub
from polaris.commissioning import links, runs
from polaris.domain.arguments import StrictStruct
from polaris.domain.commissioning import Step
from polaris.domain.sentences import N_, Sentence, say, say_count
from polaris.rendering.commissioning_words import STEPS, step_title
from polaris.verbs.chargers import Identity
from polaris.verbs.verb import REVISION, Done, Request, Values, Verb, Warning

LINK_USE = say("Whoever has it can use it, on any device, until it ends or is revoked.")


class Begin(StrictStruct, frozen=True):
    """Begin to check a new charger, step by step.

    Once it has connected, its clock and its connectors are judged as they are; of a restart, settings and sessions,
    only what comes counts.
    """

    identity: Identity


class Skip(StrictStruct, frozen=True):
    """Leave a step of a charger's open run out, with the reason; without one, take it up again."""

    identity: Identity
    step: Step
    reason: Annotated[str, Meta(description="The report shows it.", max_length=400)] = ""


class End(StrictStruct, frozen=True):
    """End a charger's open run and keep its report. A step that still waits was not shown to be right."""

    identity: Identity


class MakeLink(StrictStruct, frozen=True):
    """Make a link with which an electrician follows a charger's open run, and opens nothing else.

    It takes the place of an earlier one. It ends with the run, after its hours, when it is revoked, and when you are no
    active operator any more: what it does is done in your name.
    """

    identity: Identity
    hours: Annotated[int, Meta(ge=1, le=links.MAX_HOURS, description="How long it opens the run.")] = 24


class RevokeLink(StrictStruct, frozen=True):
    """Let the link of a charger's open run open nothing any more. Its page follows within a second."""

    identity: Identity


def _make_link(request: Request, asked: MakeLink) -> Done:
    charger_id, token = links.make(asked.identity, asked.hours, **request.audited)
    request.notifications.announce(pubsub.charger_changed(charger_id))
    sentence = say_count(
        "With this link, %(identity)s can be commissioned for %(num)s hour.",
        "With this link, %(identity)s can be commissioned for %(num)s hours.",
        asked.hours,
        identity=asked.identity,
    )
    return Done(sentence, links={asked.identity: f"/electrician/{token}"}, use=LINK_USE)


def _revoke_link(request: Request, asked: RevokeLink) -> Done:
    charger_id = links.revoke(asked.identity, **request.audited)
    request.notifications.announce([*pubsub.charger_changed(charger_id), *pubsub.walls_changed()])
    return Done(say("The link of %(identity)s opens nothing any more.", identity=asked.identity))


def _begin(request: Request, asked: Begin) -> Done:
    charger_id = runs.begin(asked.identity, **request.audited)
    request.notifications.announce(pubsub.charger_changed(charger_id))
    return Done(say("The commissioning of %(identity)s has begun.", identity=asked.identity))


def _skip(request: Request, asked: Skip) -> Done:
    charger_id = runs.skip(asked.identity, asked.step, asked.reason, **request.audited)
    request.notifications.announce(pubsub.charger_changed(charger_id))
    left_out = N_("“%(step)s” of %(identity)s is left out.")
    text = left_out if asked.reason.strip() else N_("“%(step)s” of %(identity)s is taken up again.")
    return Done(say(text, step=say(STEPS[asked.step]), identity=asked.identity))


def _end(request: Request, asked: End) -> Done:
    charger_id, outcome = runs.end(asked.identity, **request.audited)
    request.notifications.announce([*pubsub.charger_changed(charger_id), *pubsub.walls_changed()])
    return Done(
        say("The commissioning of %(identity)s has ended: %(outcome)s.", identity=asked.identity, outcome=say(outcome))
    )


def _open(identity: str) -> Values:
    """Tell the open run from one that is begun after it."""
    return {REVISION: str(runs.open_id(identity))}


def _skip_warning(asked: Values) -> Warning | None:
    """Name the reason that would be replaced or taken away."""
    step = asked.get("step", "")
    before, reason = runs.reason_of(asked["identity"], step), asked.get("reason", "").strip()
    if before in ("", reason):
        return None
    title = say(STEPS[Step(step)])
    question = (
        say("Give another reason to leave “%(title)s” out?", title=title)
        if reason
        else say("Take “%(title)s” up again?", title=title)
    )
    return Warning(question, (say("It is left out because: %(before)s", before=before),))


def _link_warning(asked: Values) -> Warning | None:
    question = say(
        "Make another link for %(identity)s? The present one opens nothing then.", identity=asked["identity"]
    )
    return _ends_link(asked["identity"], question)


def _revoke_warning(asked: Values) -> Warning | None:
    question = say("Revoke the electrician's link of %(identity)s?", identity=asked["identity"])
    return _ends_link(asked["identity"], question)


def _ends_link(identity: str, question: Sentence) -> Warning | None:
    """Name the link that would open nothing any more: another operator may have made it just now."""
    found = links.present_link(identity, datetime.now(UTC))
    return Warning(question, (found,)) if found else None


VERBS = {
    "commission": Verb(Begin, say("Begin the commissioning"), _begin),
    "skip-step": Verb(
        Skip, say("Leave a step out or take it up again"), _skip, _open, _skip_warning, words={"step": step_title}
    ),
    "end-commission": Verb(End, say("End the commissioning and keep its report"), _end, present=_open),
    "link-electrician": Verb(MakeLink, say("Make a link for an electrician"), _make_link, warning=_link_warning),
    "revoke-link": Verb(RevokeLink, say("Revoke the electrician's link"), _revoke_link, warning=_revoke_warning),
}
