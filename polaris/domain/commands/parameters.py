"""Commands as a person types them into a form, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo

from polaris.domain import arguments
from polaris.domain.arguments import Argument, Invalid, Kind
from polaris.domain.commands import catalog
from polaris.domain.commands.catalog import KINDS, ChargerCommand
from polaris.domain.sentences import Sentence, say, together

SKIPPED = say("The site's clock is put forward over this time.")


def of(kind: str) -> tuple[Argument, ...]:
    """Return the arguments of a kind of command, in their order."""
    return arguments.arguments(KINDS[kind])


def title(kind: str) -> Sentence:
    """Return the name of a kind in plain words."""
    return say(kind.replace("-", " ").capitalize())


def in_words(kind: str, values: Mapping[str, object]) -> Iterator[str]:
    """Yield a command's arguments as a person reads them. One that the catalog has no more keeps its name."""
    labels = {argument.name: argument.label for argument in of(kind)} if kind in KINDS else {}
    for name, value in values.items():
        label = labels.get(name, name)
        text = value if isinstance(value, str) else json.dumps(value)
        yield label if value is True else together(label, text)


def typed(
    kind: str, texts: Mapping[str, str], *, zone: tzinfo, now: datetime
) -> tuple[ChargerCommand | None, dict[str, str]]:
    """Return the command that a person typed, by field; or None, and what is wrong in sentences, by field.

    An instant without a zone is one of the site's clock. What is wrong with none of the fields alone is under "".
    """
    found = {each.name: _by_clock(texts.get(each.name, ""), zone) for each in of(kind) if each.kind is Kind.INSTANT}
    by_clock = {name: at for name, at in found.items() if at is not None}
    zoned = {name: at.isoformat() for name, at in by_clock.items()}
    values, problems = arguments.typed(KINDS[kind], {**texts, **zoned})
    problems |= {name: SKIPPED for name, at in by_clock.items() if _is_skipped(at)}
    if problems:
        return None, problems
    try:
        return catalog.asked(kind, values, now), {}
    except Invalid as problem:
        return None, {problem.field if problem.field in values else "": problem.sentence}


def _by_clock(text: str, zone: tzinfo) -> datetime | None:
    """Return the instant of a date and time without a zone, by a site's clock; None for any other text."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return at.replace(tzinfo=zone) if at.tzinfo is None and "T" in text else None


def _is_skipped(at: datetime) -> bool:
    """Whether the clock of an instant's zone never shows it."""
    try:
        return at.astimezone(UTC).astimezone(at.tzinfo) != at
    except OverflowError:  # at the ends of the calendar
        return False
