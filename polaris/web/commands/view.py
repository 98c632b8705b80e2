"""The view objects of commands to a charger: their groups, a form and a line of what became of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from polaris.domain.arguments import Argument, Kind, help_of
from polaris.domain.commands import parameters
from polaris.domain.commands.catalog import (
    CHANGE_KEY,
    GET_CONFIGURATION,
    KINDS,
    SET_CONFIGURATION,
    START,
    TRANSACTION_STATUS,
    TRIGGER,
)
from polaris.domain.enums import CommandState
from polaris.domain.instants import clock_text
from polaris.domain.redaction import REDACTED
from polaris.domain.sentences import N_, Sentence, together

GROUPS: Mapping[str, tuple[str, ...]] = {
    N_("Session"): (START, TRANSACTION_STATUS),
    N_("Connector"): ("unlock", "availability", "reserve", "cancel-reservation"),
    N_("Charger"): ("reset", TRIGGER, "transfer-data", CHANGE_KEY),
    N_("Settings"): (GET_CONFIGURATION, SET_CONFIGURATION),
    N_("Firmware and logs"): ("update-firmware", "get-log"),
    N_("Profiles"): ("set-charging-profile", "clear-charging-profile", "composite-schedule"),
    N_("Cards"): ("send-local-list", "local-list-version", "clear-cache"),
}
MAX_WORDS = 200  # characters of a command's arguments in its line

_STATES = {
    CommandState.ACCEPTED: "good",
    CommandState.PROMISED: "good",
    CommandState.REJECTED: "bad",
    CommandState.ERROR: "bad",
    CommandState.OFFLINE: "warn",
    CommandState.TIMED_OUT: "warn",
    CommandState.UNKNOWN: "warn",
}


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command as of the instant that it was read; its texts are cut."""

    id: int
    kind: str
    arguments: str  # JSON
    state: CommandState
    sentence: str
    status: str  # the charger's own word, or why it was not sent
    answer: str  # JSON
    frame: str
    protocol: str
    connection_id: str
    requested_by: str
    requested_at: datetime
    answered_at: datetime | None
    is_sent: bool
    is_dry_run: bool
    can_be_sent: bool  # a dry run, on the charger's present connection
    needs_restart: bool

    @property
    def title(self) -> Sentence:
        return parameters.title(self.kind)

    @property
    def display_status(self) -> str:
        """The state by which the line is styled."""
        return _STATES.get(self.state, "open")

    @property
    def fate(self) -> str:
        """The state, or what it hides: that nothing was sent or made, or that the charger did answer."""
        has_run_out = self.state is CommandState.TIMED_OUT
        if self.is_dry_run:
            return "not_made" if has_run_out else self.state
        if not self.is_sent and (has_run_out or self.state in (CommandState.REJECTED, CommandState.ERROR)):
            return "not_sent"
        return "not_begun" if has_run_out and self.status else self.state

    @property
    def words(self) -> str:
        """The arguments as a person reads them; a front shows `MAX_WORDS` of their characters."""
        return _words(self.kind, self.arguments)

    @property
    def holds_secret(self) -> bool:
        return REDACTED in self.arguments


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a command's form, with what was typed and what is wrong with it."""

    argument: Argument
    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class CommandForm:
    """The form of one kind of command; what is wrong with it as a whole is `problem`."""

    kind: str
    fields: tuple[Field, ...]
    key: str
    problem: str = ""

    @property
    def title(self) -> Sentence:
        return parameters.title(self.kind)

    @property
    def help(self) -> tuple[Sentence, ...]:
        return help_of(KINDS[self.kind])

    @property
    def has_long_text(self) -> bool:
        return any(field.argument.kind is Kind.JSON for field in self.fields)


def titles() -> dict[str, dict[str, Sentence]]:
    """Return the titles of all kinds of commands, by group and kind."""
    return {group: {kind: parameters.title(kind) for kind in kinds} for group, kinds in GROUPS.items()}


def form(
    kind: str, texts: Mapping[str, str], problems: Mapping[str, str], *, key: str, problem: str = ""
) -> CommandForm:
    """Return the form of a kind with these texts in its fields."""
    fields = tuple(
        Field(argument, texts.get(argument.name, argument.default), problems.get(argument.name, ""))
        for argument in parameters.of(kind)
    )
    return CommandForm(kind, fields, key, problem or problems.get("", ""))


def texts_of(kind: str, arguments: Mapping[str, object], zone: tzinfo) -> dict[str, str]:
    """Return a command's arguments as a person would type them; what was a secret is left out."""
    texts = {}
    for argument in parameters.of(kind):
        value = arguments.get(argument.name)
        if value not in (None, False) and REDACTED not in str(value):
            texts[argument.name] = _text(argument.kind, value, zone)
    return texts


def _text(kind: Kind, value: object, zone: tzinfo) -> str:
    match kind:
        case Kind.TEXTS if isinstance(value, list):
            return "\n".join(map(str, value))
        case Kind.JSON:
            return json.dumps(value, indent=1)
        case Kind.INSTANT:
            return clock_text(datetime.fromisoformat(str(value)), zone)
        case Kind.FLAG:
            return "yes"
    return str(value)


def _words(kind: str, arguments: str) -> str:
    try:
        return together(*parameters.in_words(kind, json.loads(arguments)), between=", ")
    except ValueError:  # it was cut
        return arguments
