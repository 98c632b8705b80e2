"""The form of a verb: its fields as they are typed, what is wrong with them, and what the target is like now."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from polaris.administration import Refused
from polaris.domain import arguments
from polaris.domain.arguments import Argument, Invalid, Kind, StrictStruct
from polaris.domain.sentences import say
from polaris.verbs import Verb, Warning
from polaris.verbs.verb import Values

NOT_YET = say("Nothing was done yet. Look at what is there now, and send this again.")


@dataclass(frozen=True, slots=True)
class Form:
    """A verb's form. `seen` are the values of its target that it was made with."""

    verb: Verb
    texts: Mapping[str, str]
    seen: Values = field(default_factory=dict)
    warning: Warning | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    name: str = ""  # of a target that is known by a number
    notice: str = ""

    @property
    def key(self) -> str:
        """A new random key, by which the form is known when it is sent a second time."""
        return secrets.token_urlsafe(24)

    @property
    def target(self) -> str:
        """The target of the change; "" if it is typed into the form, too."""
        return self.texts.get(self.verb.target, "")

    @property
    def act(self) -> str:
        """The words of the button: the verb's title, or what it makes or a link has chosen."""
        if self.verb.anew and not self.seen:
            return self.verb.anew
        chosen = (text for name, text in self.texts.items() if self.seen.get(name, text) != text)
        return next((self.verb.acts[text] for text in chosen if text in self.verb.acts), self.verb.title)

    @property
    def seen_json(self) -> str:
        return json.dumps(dict(self.seen))

    def now(self, argument: Argument) -> str:
        """The target's present value, if another one is typed."""
        present = self.seen.get(argument.name, "")
        return "" if present == self.texts.get(argument.name, "") else present

    def choices(self, argument: Argument) -> Sequence[str]:
        """The values that a text may have, if there is a list of them."""
        choices = self.verb.choices.get(argument.name)
        return choices() if choices else ()


def fresh(verb: Verb, given: Mapping[str, str]) -> Form:
    """Return the form to start with: as the target is now, with what the address says."""
    texts = {argument.name: argument.default for argument in verb.arguments}
    asked = {name: given[name] for name in texts if name in given and not _is_secret(verb, name)}
    return _of_target(Form(verb, texts | asked), asked)


def look_first(form: Form) -> Form | None:
    """Return a form whose target was typed just now, as the target is; None if nothing is to be seen before the press.

    What was left empty is as it is now: nobody has seen it, so nobody can have emptied it.
    """
    typed = {each.name: form.texts[each.name] for each in form.verb.arguments if each.kind is Kind.FLAG}
    found = _of_target(form, typed | {name: text for name, text in form.texts.items() if text})
    if found.problem or found.seen or found.warning:
        return replace(found, notice="" if found.problem else NOT_YET)
    return None


def again(form: Form, problem: str, problems: Mapping[str, str] | None = None) -> Form:
    """Return a form that was refused, with what was typed and with its target as it is now."""
    typed = {name: text for name, text in form.texts.items() if not _is_secret(form.verb, name)}
    return replace(_of_target(replace(form, texts=typed), typed), problem=problem, problems=problems or {})


def filled(form: Form) -> Form:
    """Return a form with what its target has wherever nothing was typed: what is left out stays as it is."""
    present = again(form, "").seen
    return replace(
        form, texts={name: text if text.strip() else present.get(name, "") for name, text in form.texts.items()}
    )


def refused(form: Form, problem: Refused) -> Form:
    """Return a form whose change was refused, with the reason at the field that is to blame."""
    at = {problem.field: problem.sentence} if problem.field in form.texts else {}
    return again(form, "" if at else problem.sentence, at)


def read(verb: Verb, texts: Mapping[str, str], seen: Values) -> tuple[StrictStruct | None, dict[str, str]]:
    """Return the arguments that were typed; or None, and what is wrong by field, "" if it is no single one.

    A text that the form began with and that was emptied is "". One that was empty at the beginning is left out.
    """
    values, problems = arguments.typed(verb.type, texts)
    for argument in verb.arguments:
        if argument.kind is Kind.TEXT and seen.get(argument.name) and not texts.get(argument.name, "").strip():
            values.setdefault(argument.name, "")
    problems = verb.all_problems(values, problems)
    if problems:
        return None, problems
    try:
        return arguments.read(verb.type, values, is_text=True), {}
    except Invalid as problem:
        return None, {problem.field: problem.sentence}


def _of_target(form: Form, asked: Mapping[str, str]) -> Form:
    """Add what the target is like now, and whom the change would hit. A target that is not there has neither."""
    if not form.target:
        return form
    try:
        seen = form.verb.now({form.verb.target: form.target, **asked})
        name = form.verb.named(form.target) if form.verb.named else ""
        warning = form.verb.warning({form.verb.target: form.target, **asked}) if form.verb.warning else None
    except Refused as refused:
        return replace(form, problem=refused.sentence)
    return replace(form, texts={**form.texts, **seen, **asked}, seen=seen, warning=warning, name=name)


def _is_secret(verb: Verb, name: str) -> bool:
    return any(argument.name == name and argument.kind is Kind.SECRET for argument in verb.arguments)
