"""Commands as a person types them into a form, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from polaris.domain import arguments
from polaris.domain.arguments import Argument, Invalid
from polaris.domain.commands import catalog
from polaris.domain.commands.catalog import KINDS, ChargerCommand


def of(kind: str) -> tuple[Argument, ...]:
    """Return the arguments of a kind of command, in their order."""
    return arguments.arguments(KINDS[kind])


def title(kind: str) -> str:
    """Return the name of a kind in plain words."""
    return kind.replace("-", " ").capitalize()


def in_words(kind: str, values: Mapping[str, object]) -> Iterator[str]:
    """Yield a command's arguments as a person reads them. One that the catalog has no more keeps its name."""
    labels = {argument.name: argument.label.lower() for argument in of(kind)} if kind in KINDS else {}
    for name, value in values.items():
        label = labels.get(name, name)
        yield label if value is True else f"{label} {value if isinstance(value, str) else json.dumps(value)}"


def typed(kind: str, texts: Mapping[str, str]) -> tuple[ChargerCommand | None, dict[str, str]]:
    """Return the command that a person typed, by field; or None, and what is wrong in sentences, by field.

    What is wrong with none of the fields alone is under "".
    """
    values, problems = arguments.typed(KINDS[kind], texts)
    if problems:
        return None, problems
    try:
        return catalog.read(kind, values, is_text=True), {}
    except Invalid as problem:
        field = problem.field or str(problem).partition(":")[0]
        return None, {field if field in values else "": arguments.own_sentence(str(problem), field)}
