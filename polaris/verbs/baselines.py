"""Verbs for baselines: settings of a charger that others are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from polaris import administration
from polaris.domain.arguments import StrictStruct
from polaris.domain.instants import second_text
from polaris.domain.sentences import say, together
from polaris.verbs.chargers import Identity
from polaris.verbs.verb import Done, Request, Values, Verb, Warning

BaselineName = Annotated[
    str, Meta(title="Baseline", description="The baseline's name, 1 to 40 characters.", max_length=40)
]


class Save(StrictStruct, frozen=True):
    """Keep the settings that a charger has reported last as a baseline. All operators can compare chargers with it.

    What is secret is not kept.
    """

    identity: Identity
    name: BaselineName


class Delete(StrictStruct, frozen=True):
    """Delete a baseline, for all operators."""

    name: BaselineName


def _save(request: Request, asked: Save) -> Done:
    view = request.services.ingest.settings(asked.identity)
    saved = administration.save_baseline(asked.name, asked.identity, view.settings, **request.audited)
    sentence = say(
        "%(count)s settings of %(identity)s are the baseline %(name)s.",
        count=saved.count,
        identity=saved.identity,
        name=saved.name,
    )
    if not view.is_complete:
        sentence = together(sentence, say("Parts of the charger's list are missing, here and there."))
    return Done(sentence)


def _delete(request: Request, asked: Delete) -> Done:
    administration.delete_baseline(asked.name, **request.audited)
    return Done(say("The baseline %(name)s was deleted.", name=asked.name))


def _delete_warning(asked: Values) -> Warning | None:
    """Name what the baseline holds: another operator may have saved another one under its name."""
    baselines = {baseline.name: baseline for baseline in administration.saved_baselines()}
    baseline = baselines.get(asked["name"].strip())
    if baseline is None:
        return None
    hit = say(
        "%(count)s settings of %(identity)s, saved %(at)s",
        count=baseline.count,
        identity=baseline.identity,
        at=second_text(baseline.saved_at),
    )
    return Warning(say("Delete the baseline %(name)s, for all operators?", name=baseline.name), (hit,))


def _names() -> Sequence[str]:
    return [baseline.name for baseline in administration.saved_baselines()]


VERBS = {
    "save": Verb(Save, say("Save settings as a baseline"), _save),
    "delete": Verb(Delete, say("Delete a baseline"), _delete, warning=_delete_warning, choices={"name": _names}),
}
