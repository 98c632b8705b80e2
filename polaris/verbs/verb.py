"""A verb: one change that a person can make, with its arguments, its words and what has to be shown before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from polaris.domain.arguments import Argument, StrictStruct, arguments, help_of
from polaris.domain.sentences import Sentence, say
from polaris.pubsub import ChangeNotification
from polaris.services import Services

Values = Mapping[str, str]  # by argument, as a form shows them
REVISION = "revision"  # among a target's values: another one after each change, even if the others are the same again


USED_ONCE = say("Whoever has it can use it, once.")


class Notifications(list[ChangeNotification]):
    """Notifications of a change that is being made: they are published when it is committed."""

    def announce(self, notifications: Iterable[ChangeNotification]) -> None:
        self.extend(notifications)


@dataclass(frozen=True, slots=True)
class Request:
    """The person who asks for a change, and when: the words of its audit row."""

    services: Services
    notifications: Notifications
    actor: str
    now: datetime

    @property
    def audited(self) -> dict[str, Any]:
        """The arguments of an administration function that go into its audit row."""
        return {"actor": self.actor, "now": self.now}


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of a change, in sentences for the person who asked.

    `secrets` are shown once: a key, by whose it is. So are `links`, each a path of the site by whom it is for; `use`
    says how often they can be used.
    """

    sentence: Sentence
    secrets: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    use: Sentence = USED_ONCE


@dataclass(frozen=True, slots=True)
class Warning:
    """Whom a change hits, named before it is made. `mark` is another one if it would by now hit somebody else."""

    question: Sentence
    hits: tuple[str, ...] = ()
    is_asked: bool = True  # on the command line if it hits nothing; a page always asks

    @property
    def mark(self) -> str:
        return "\n".join(self.hits)


@dataclass(frozen=True, slots=True)
class Verb:
    """A change that a person can make.

    The first argument names its target. `present` returns the values that a target has now, by argument: a form starts
    with them, and is refused if they are others by the time that it is sent. `warning` is asked before a change that
    cannot be taken back or that interrupts somebody: of the values that are asked for, or of the target alone as long
    as nobody has chosen any; it is None if there is nothing to ask. `choices` lists what a text argument may be,
    `words` say in a form what a choice means.
    """

    type: type[StrictStruct]
    title: Sentence
    run: Callable[[Request, Any], Done]
    present: Callable[..., Values] | None = None
    warning: Callable[[Values], Warning | None] | None = None
    choices: Mapping[str, Callable[[], Sequence[str]]] = field(default_factory=dict)
    words: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    problems: Callable[[Mapping[str, Any]], Mapping[str, str]] | None = None  # what is wrong with values, by argument
    is_in_parts: bool = False  # it is made in several transactions; one that was interrupted is repeated, and goes on
    lines: frozenset[str] = frozenset()  # text arguments of several lines: a file on the command line
    is_whole: bool = False  # it sets all that its target has: what is left out stays as it is
    named: Callable[[str], str] | None = None  # a target that is known by a number, in words
    renamed_to: Callable[[str], str] | None = None  # what a target that is not there any more is called now, or ""
    acts: Mapping[str, Sentence] = field(default_factory=dict)  # the words of its button, by what a link's choice sets
    anew: str = ""  # its title for a target that is not there yet
    qualifier: str = ""  # the argument that names the target together with the first one, as a token's type does
    is_sensitive: bool = False  # it concerns who can sign in, so a page asks for a fresh proof of who asks

    def all_problems(self, values: Mapping[str, Any], unread: Mapping[str, str]) -> dict[str, str]:
        """Return what is wrong with values, by argument, beside what could not be read of them."""
        good = {name: value for name, value in values.items() if name not in unread}
        found = {**(self.problems(good) if self.problems else {}), **unread}
        return {argument.name: found[argument.name] for argument in self.arguments if argument.name in found}

    @property
    def arguments(self) -> tuple[Argument, ...]:
        return arguments(self.type)

    def now(self, asked: Values) -> Values:
        """Return the values that the target has which is asked for."""
        names = [asked.get(name, "") for name in (self.target, self.qualifier) if name]
        return self.present(*names) if self.present else {}

    @property
    def is_compared(self) -> bool:
        """Whether it is made in one transaction with the comparison with what the person saw."""
        return not self.is_in_parts and (self.present is not None or self.warning is not None)

    @property
    def help(self) -> tuple[Sentence, ...]:
        """The verb's explanation in paragraphs: its type's docstring."""
        return help_of(self.type)

    @property
    def target(self) -> str:
        """The name of the argument that names the target."""
        return self.arguments[0].name
