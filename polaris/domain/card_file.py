"""A file of cards: CSV to rows, each with the number of its line, or with the reason why it is none."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from polaris.domain import cards
from polaris.domain.cards import MAX_ID_TOKEN_LENGTH, normal_id_tag
from polaris.domain.sentences import Problem, say, together

REQUIRED = ("email", "id_tag")
OPTIONAL = ("type", "expires")
HEADER = ",".join((*REQUIRED, *OPTIONAL))
TYPES = {name.upper(): name for name in cards.TYPES}
Value = TypeVar("Value")


class Unreadable(Problem):
    """A text that is no file of cards at all; its text is a sentence."""


class BadRow(Problem):
    """A cell that cannot be used; its text is a sentence."""


@dataclass(frozen=True, slots=True)
class CardLine:
    """A line of a file. With a `problem`, the rest is as it was typed. `expires_at` is None if it says nothing."""

    number: int
    email: str
    card: str  # for a person to read
    id_tag: str = ""
    type: str = ""
    expires_at: datetime | None = None
    problem: str = ""


def read(text: str) -> Iterator[CardLine]:
    """Yield the lines of a file that have anything in them. Raise `Unreadable`."""
    text = text.removeprefix("\ufeff")
    header = text.partition("\n")[0]
    delimiter = "," if "," in header else ";"  # which spreadsheets write in countries with a decimal comma
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        if columns[:2] != list(REQUIRED) or len(set(columns)) < len(columns) or set(columns[2:]) - set(OPTIONAL):
            raise Unreadable(say("The first line must be %(header)s; type and expires may be left out.", header=HEADER))
        for row in reader:
            if any(cell.strip() for cell in row):
                yield _line(reader.line_num, columns, [cell.strip() for cell in row])
    except csv.Error as error:
        raise Unreadable(
            say("Line %(line_num)s: not CSV: %(error)s.", line_num=reader.line_num, error=str(error))
        ) from None


def _line(number: int, columns: list[str], row: list[str]) -> CardLine:
    values = dict(zip(columns, row, strict=False))
    email, card = values.get("email", ""), values.get("id_tag", "")
    if len(row) > len(columns) or len(row) < len(REQUIRED):
        return CardLine(
            number,
            email,
            card,
            problem=say("It has %(count)s cells; %(columns)s are wanted.", count=len(row), columns=",".join(columns)),
        )
    problems: list[str] = []
    type_ = _kept(problems, _type, values.get("type", "")) or ""
    id_tag = _kept(problems, lambda token: _id_tag(token, type_), card) or ""
    expires_at = _kept(problems, _instant, values.get("expires", ""))
    if problems:
        return CardLine(number, email, card, problem=together(*problems))
    return CardLine(number, email, cards.shown(id_tag, type_), id_tag, type_, expires_at)


def _kept(problems: list[str], read: Callable[[str], Value], text: str) -> Value | None:
    """Return the value of a cell; of a bad one None, whose problem is kept beside those of others."""
    try:
        return read(text)
    except BadRow as problem:
        problems.append(problem.sentence)
        return None


def _type(text: str) -> str:
    if text and text.upper() not in TYPES:
        raise BadRow(say("The type is none of %(join)s.", join=", ".join(cards.TYPES)))
    return TYPES.get(text.upper(), "")


def _id_tag(token: str, type_: str) -> str:
    id_tag = normal_id_tag(cards.id_tag(token, type_))
    if not (0 < len(id_tag) <= MAX_ID_TOKEN_LENGTH and id_tag.isprintable()):
        raise BadRow(
            say(
                "A card's id tag has 1 to %(max_id_token_length)s characters, all of them printable.",
                max_id_token_length=MAX_ID_TOKEN_LENGTH,
            )
        )
    return id_tag


def _instant(text: str) -> datetime | None:
    """Return the instant of a text. A day is its beginning, and without a zone it is in UTC."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRow(say("The expiry is no day or instant such as 2027-01-31 or 2027-01-31T12:00:00Z.")) from None
