"""The import of cards from a file: what it would change, line by line, and exactly that, all or none."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from peewee import IntegrityError, chunked

from polaris.administration.audit import Refused, record_all
from polaris.administration.cards import added_words, expiry_words
from polaris.domain import card_file
from polaris.domain.card_file import CardLine, Unreadable
from polaris.domain.email_addresses import normal_email
from polaris.domain.enums import CardStatus
from polaris.domain.limits import FILE_TOO_LONG, MAX_FILE
from polaris.domain.sentences import Sentence, say, say_count, together
from polaris.models import Account, EvCard, UnknownCard, blocking, database

IDS_PER_QUERY = 500  # a statement has a bounded number of parameters


class Fate(StrEnum):
    """The effect of a line."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


_ORDER = (Fate.REFUSED, Fate.CHANGED, Fate.ADDED, Fate.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A line with its fate: what changes, or why it is refused."""

    number: int
    card: str
    email: str
    fate: Fate
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect of an import, before it is made or after. `mark` is another one if it would do anything else."""

    outcomes: tuple[Outcome, ...]

    @property
    def counts(self) -> Counter[Fate]:
        return Counter(outcome.fate for outcome in self.outcomes)

    @property
    def is_refused(self) -> bool:
        return bool(self.counts[Fate.REFUSED])

    @property
    def has_changes(self) -> bool:
        return bool(self.counts[Fate.ADDED] or self.counts[Fate.CHANGED])

    @property
    def sentence(self) -> Sentence:
        """The effect of the import in one sentence."""
        if self.is_refused:
            return say_count(
                "%(num)s line is refused, so no card is imported.",
                "%(num)s lines are refused, so no card is imported.",
                self.counts[Fate.REFUSED],
            )
        if not self.has_changes:
            return say("Nothing to import: all of it is so already.")
        return say(
            "Cards: %(added)s added, %(changed)s changed, %(unchanged)s unchanged.",
            added=f"{self.counts[Fate.ADDED]:,}",
            changed=f"{self.counts[Fate.CHANGED]:,}",
            unchanged=f"{self.counts[Fate.UNCHANGED]:,}",
        )

    @property
    def in_order(self) -> list[Outcome]:
        """The outcomes, those that need a person first."""
        return sorted(self.outcomes, key=lambda outcome: (_ORDER.index(outcome.fate), outcome.number))

    @property
    def mark(self) -> str:
        return hashlib.sha256(repr(self.outcomes).encode()).hexdigest()


class Outdated(Refused):
    """An import that was not made, since it would by now do something else than was previewed."""

    def __init__(self) -> None:
        super().__init__(
            say("It is not what you were shown any more, so nothing was imported. Look, and import it again.")
        )


@blocking
def preview(text: str) -> Preview:
    """Say what an import of this text would do. Raise `Refused` if it is no file of cards."""
    return Preview(tuple(_outcome(*pair) for pair in _judged(_lines(text))))


@blocking
def import_cards(text: str, mark: str | None, *, actor: str, now: datetime) -> Preview:
    """Import the cards of a file, all or none; return what was done.

    Raise `Outdated` if that would be anything else than the preview of this mark, and `Refused` if any line is refused.
    """
    lines = _lines(text)
    try:
        with database.atomic():
            judged = _judged(lines)
            planned = Preview(tuple(_outcome(*pair) for pair in judged))
            if mark is not None and mark != planned.mark and (planned.has_changes or planned.is_refused):
                raise Outdated
            if planned.is_refused:
                raise Refused(planned.sentence)
            _make(judged, actor, now)
    except IntegrityError:  # somebody has added one of the cards in this moment
        raise Outdated from None
    return planned


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The fate of a line, with the owner that the card gets, and the end that it had."""

    fate: Fate
    detail: str = ""
    account_id: int = 0
    before: datetime | None = None


def _lines(text: str) -> list[CardLine]:
    if len(text) > MAX_FILE:
        raise Refused(FILE_TOO_LONG)
    try:
        lines = [replace(line, email=normal_email(line.email)) for line in card_file.read(text)]
    except Unreadable as problem:
        raise Refused(problem.sentence) from None
    if not lines:
        raise Refused(say("The file has no cards."))
    return lines


def _judged(lines: Sequence[CardLine]) -> list[tuple[CardLine, _Verdict]]:
    owners, known = _owners(lines), _known([line.id_tag for line in lines if line.id_tag])
    first: dict[str, int] = {}
    judged = []
    for line in lines:
        earlier = first.setdefault(line.id_tag, line.number) if line.id_tag else line.number
        verdict = _verdict(line, owners.get(line.email), known.get(line.id_tag))
        if earlier != line.number:
            verdict = _Verdict(Fate.REFUSED, say("Line %(number)s has the same card.", number=earlier))
        judged.append((line, verdict))
    return judged


def _verdict(line: CardLine, account_id: int | None, card: EvCard | None) -> _Verdict:
    problems = [line.problem] if line.problem else []
    if account_id is None:
        unknown = say("There is no account %(email)s.", email=line.email)
        problems.append(unknown if line.email else say("It names no account."))
    if problems or account_id is None:
        return _Verdict(Fate.REFUSED, together(*problems))
    if card is None:
        until = say("until %(at)s", at=f"{line.expires_at:%Y-%m-%d %H:%M %Z}") if line.expires_at else ""
        return _Verdict(Fate.ADDED, until, account_id)
    if card.account_id != account_id:
        return _Verdict(Fate.REFUSED, say("The card belongs to %(email)s. It is not moved.", email=card.account.email))
    if line.expires_at is not None and line.expires_at != card.expires_at:
        before, after = expiry_words(card.expires_at), expiry_words(line.expires_at)
        words = say("expires: %(before)s to %(after)s", before=before, after=after)
        return _Verdict(Fate.CHANGED, words, account_id, card.expires_at)
    return _Verdict(Fate.UNCHANGED, say("it is blocked") if card.status == CardStatus.BLOCKED else "", account_id)


def _outcome(line: CardLine, verdict: _Verdict) -> Outcome:
    return Outcome(line.number, line.card, line.email, verdict.fate, verdict.detail)


def _make(judged: Sequence[tuple[CardLine, _Verdict]], actor: str, now: datetime) -> None:
    """Make the changes, in the caller's transaction; the audit rows last."""
    added = [(line, verdict) for line, verdict in judged if verdict.fate is Fate.ADDED]
    changed = [(line, verdict) for line, verdict in judged if verdict.fate is Fate.CHANGED]
    cards = [
        {
            "account": verdict.account_id,
            "id_tag": line.id_tag,
            "token_type": line.type,
            "status": CardStatus.ACTIVE,
            "expires_at": line.expires_at,
            "created_at": now,
        }
        for line, verdict in added
    ]
    for part in chunked(cards, IDS_PER_QUERY):
        EvCard.insert_many(part).execute()
        UnknownCard.delete().where(UnknownCard.id_tag.in_([card["id_tag"] for card in part])).execute()
    for line, verdict in changed:
        is_same = (EvCard.id_tag == line.id_tag) & (EvCard.expires_at == verdict.before)
        if not EvCard.update(expires_at=line.expires_at).where(is_same).execute():
            raise Outdated
    rows = [("card.added", line.id_tag, added_words(line.email, line.expires_at)) for line, _ in added]
    rows += [("card.expiry_set", line.id_tag, _changed_words(line, verdict)) for line, verdict in changed]
    if rows:
        record_all(actor, rows, now)


def _changed_words(line: CardLine, verdict: _Verdict) -> str:
    return f"{expiry_words(verdict.before)} to {expiry_words(line.expires_at)}"


def _owners(lines: Sequence[CardLine]) -> dict[str, int]:
    """Return the ids of the accounts of the lines' addresses."""
    emails = {line.email for line in lines}
    return {row.email: row.id for row in _in_parts(Account.select(), Account.email, emails) if row.erased_at is None}


def _known(id_tags: Sequence[str]) -> dict[str, EvCard]:
    query = EvCard.select(EvCard, Account).join(Account)
    return {row.id_tag: row for row in _in_parts(query, EvCard.id_tag, set(id_tags))}


def _in_parts(query: Any, field: Any, values: set[str]) -> Iterator[Any]:
    """Yield the rows with these values: a statement takes a bounded number of them."""
    for part in chunked(sorted(values), IDS_PER_QUERY):
        yield from query.where(field.in_(part))
