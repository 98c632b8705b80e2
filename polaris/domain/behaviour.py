"""A charger's behaviour, judged by its stored history: how fast it answers and ends, how often it fails, and
whether a firmware fails more than the one before.

Two bad hours are no character: a figure needs `MIN_SEEN` observations, and when firmwares are compared, those of one
`SPELL` count as one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil, comb
from typing import TypeVar

from polaris.domain import stop_request
from polaris.domain.commands import lifecycle
from polaris.domain.commands.lifecycle import Progress
from polaris.domain.data_quality import Note
from polaris.domain.enums import CommandState, StopState
from polaris.domain.stop_request import LATEST_END, OPEN, StopProgress

Value = TypeVar("Value", int, float)

MIN_SEEN = 10  # observations; fewer say more of the days than of the charger
MAX_SEEN = 200  # observations of a kind, the newest
MIN_HABIT = 3  # sessions that show a quirk
PERIOD = timedelta(days=90)  # that is looked back
SPELL = timedelta(hours=2)  # an outage of the network or the backend makes many failures of one cause
UNPLUGGING = timedelta(seconds=5)  # that a person needs at least; a connector that is free earlier was never looked at
MAX_CHANCE = Fraction(1, 100)  # that a firmware which is no worse is named


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    UNFINISHED = "unfinished"  # it accepted a stop, and did not end the session


STOP_FAILURES = frozenset({Outcome.REFUSED, Outcome.UNANSWERED, Outcome.UNFINISHED})
COMMAND_FAILURES = frozenset({Outcome.UNANSWERED})  # that it refuses one depends on what was asked


@dataclass(frozen=True, slots=True)
class Asked:
    """A stop or a command that was sent to a charger, and what became of it."""

    at: datetime
    outcome: Outcome
    answer_s: float | None = None  # from sending to the answer
    end_s: float | None = None  # from accepting to the session's end


@dataclass(frozen=True, slots=True)
class SentStop:
    """A stop request that was sent. `ended_at` and `reason` are of the charger's own end of the session, if it came."""

    progress: StopProgress
    sent_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    reason: str
    waits_for_cable: bool  # charging stopped, and the session ends or has ended when the car is unplugged (OCPP 2.x)


def of_stop(stop: SentStop, now: datetime) -> Asked | None:
    """Return what became of a stop; None if that is open, or says nothing of the charger."""
    state = stop_request.effective(stop.progress, now).state
    if state in OPEN or state is StopState.OFFLINE or stop.waits_for_cable:
        return None
    is_retried = stop.progress.attempts > 1  # which only an accepted one is
    answer_s = _between(stop.sent_at, stop.answered_at)
    if state is StopState.COMPLETED and stop.ended_at is not None:
        has_ended = stop_request.has_ended(stop.progress, stop.reason, stop.ended_at)
        late = stop.progress.decided_at - stop.progress.deadline_at
        if has_ended or (late <= timedelta(0) and not is_retried):
            is_live = has_ended and late <= LATEST_END  # else the end has waited in the charger's queue
            end_s = _between(stop.answered_at, stop.progress.decided_at) if is_live else None
            return Asked(stop.sent_at, Outcome.DONE, answer_s, end_s)
    if stop.answered_at is None:
        return Asked(stop.sent_at, Outcome.UNANSWERED)
    is_refused = state in (StopState.REJECTED, StopState.FAILED) and not is_retried
    return Asked(stop.sent_at, Outcome.REFUSED if is_refused else Outcome.UNFINISHED, answer_s)


def of_command(progress: Progress, sent_at: datetime, answered_at: datetime | None, now: datetime) -> Asked | None:
    """Return what became of a command that was sent; None if that is open."""
    state = lifecycle.effective(progress, now)
    if answered_at is not None:
        is_refused = state in (CommandState.REJECTED, CommandState.ERROR)
        return Asked(sent_at, Outcome.REFUSED if is_refused else Outcome.DONE, _between(sent_at, answered_at))
    if state in lifecycle.OPEN:
        return None
    return Asked(sent_at, Outcome.DONE if state is CommandState.ACCEPTED else Outcome.UNANSWERED)


def _between(first: datetime | None, second: datetime | None) -> float | None:
    """Return the seconds between two instants: none if the second came first, as an end before its answer can."""
    return None if first is None or second is None else max(0.0, (second - first).total_seconds())


@dataclass(frozen=True, slots=True)
class Delays:
    """A delay as it was observed `seen` times: in half of the cases, and in 95 of 100, it was at most this."""

    seen: int = 0
    median_s: float = 0.0
    most_s: float = 0.0
    worst_s: float = 0.0

    @property
    def is_known(self) -> bool:
        return self.seen >= MIN_SEEN

    @property
    def usual_s(self) -> int | None:
        """The whole seconds within which nearly all are over; None if too few were observed."""
        return max(1, ceil(self.most_s)) if self.is_known else None


def delays(observed: Iterable[float | None]) -> Delays:
    """Summarise delays; those that are None were not observed."""
    ordered = sorted(delay for delay in observed if delay is not None)
    if not ordered:
        return Delays()
    return Delays(len(ordered), percentile(ordered, 50), percentile(ordered, 95), ordered[-1])


def percentile(ordered: Sequence[Value], percent: int) -> Value:
    """Return the smallest of some ordered values that so many per cent of them are not above."""
    return ordered[-(-len(ordered) * percent // 100) - 1]


@dataclass(frozen=True, slots=True)
class Record:
    """The outcomes of the stops, or the commands, that a charger was sent since an instant."""

    seen: int = 0
    refused: int = 0
    unanswered: int = 0
    unfinished: int = 0
    answer: Delays = Delays()
    end: Delays = Delays()
    since_at: datetime | None = None  # the first

    @property
    def is_known(self) -> bool:
        return self.seen >= MIN_SEEN


def record(asked: Sequence[Asked]) -> Record:
    outcomes = [one.outcome for one in asked]
    return Record(
        len(asked),
        outcomes.count(Outcome.REFUSED),
        outcomes.count(Outcome.UNANSWERED),
        outcomes.count(Outcome.UNFINISHED),
        delays(one.answer_s for one in asked),
        delays(one.end_s for one in asked),
        min((one.at for one in asked), default=None),
    )


@dataclass(frozen=True, slots=True)
class Worse:
    """The failures by which a firmware is worse than the one before, of observations that are a spell apart."""

    failed: int
    seen: int
    failed_before: int
    seen_before: int

    @property
    def times(self) -> int | None:
        """How many times as often it fails, rounded; None if it did not fail before."""
        if not self.failed_before:
            return None
        return round(Fraction(self.failed * self.seen_before, self.seen * self.failed_before))


def worse(
    asked: Iterable[Asked],
    before: Iterable[Asked],
    failures: frozenset[Outcome],
    max_chance: Fraction = MAX_CHANCE,
) -> Worse | None:
    """Return by what a firmware fails more than the one before; None unless that is hardly chance."""

    counts = Worse(*_failed_of_seen(asked, failures), *_failed_of_seen(before, failures))
    if min(counts.seen, counts.seen_before) < MIN_SEEN:
        return None
    is_more = counts.failed * counts.seen_before > counts.failed_before * counts.seen
    return counts if is_more and chance(counts) < max_chance else None


def _failed_of_seen(asked: Iterable[Asked], failures: frozenset[Outcome]) -> tuple[int, int]:
    """Count failures and all, of observations that are a spell apart: the first of each stands for those after it.

    To leave out failures alone would make a charger that is asked often seem better than one that is not.
    """
    failed, seen, last_at = 0, 0, None
    for one in sorted(asked, key=lambda one: one.at):
        if last_at is None or one.at - last_at >= SPELL:
            failed, seen, last_at = failed + (one.outcome in failures), seen + 1, one.at
    return failed, seen


def chance(counts: Worse) -> Fraction:
    """Return the chance of so many failures or more, if both firmwares fail alike: Fisher's exact test, one-sided."""
    failed = counts.failed + counts.failed_before
    seen = counts.seen + counts.seen_before
    as_many = sum(
        comb(counts.seen, number) * comb(counts.seen_before, failed - number)
        for number in range(counts.failed, min(counts.seen, failed) + 1)
    )
    return Fraction(as_many, comb(seen, failed))


@dataclass(frozen=True, slots=True)
class Quirk:
    """A note that the figures of so many sessions carry, which began on so many days."""

    note: Note
    seen: int
    days: int

    @property
    def is_habit(self) -> bool:
        """Whether it comes again and again: one bad day is no quirk."""
        return self.seen >= MIN_HABIT and self.days > 1


# What is done by an operator is no quirk of the charger.
NOT_ITS_OWN = frozenset({Note.CLOSED_BY_OPERATOR, Note.SET_BY_OPERATOR, Note.UNIT_OVERRIDE})


def quirks(notes: Iterable[tuple[Note, date]]) -> tuple[Quirk, ...]:
    """Return the quirks that show in the notes of sessions, each with its session's day; the most frequent first."""
    days: dict[Note, list[date]] = defaultdict(list)
    for note, day in notes:
        days[note].append(day)
    found = [Quirk(note, len(on), len(set(on))) for note, on in days.items() if note not in NOT_ITS_OWN]
    return tuple(sorted((quirk for quirk in found if quirk.is_habit), key=lambda quirk: (-quirk.seen, quirk.note)))


def is_card_needed(ended_at: datetime, freed_at: datetime, card_asked_at: datetime | None) -> bool | None:
    """Whether a charger let go of the cable only when a card was tapped after the session's end; None if unknown.

    It is if the charger asks about no cards, which it may check by itself, or calls the connector free at once.
    """
    if card_asked_at is None or freed_at - ended_at < UNPLUGGING:
        return None
    return card_asked_at > ended_at


class Cable(StrEnum):
    """Whether a charger holds the cable after a session that was stopped from afar."""

    UNKNOWN = "unknown"
    LETS_GO = "lets_go"
    HOLDS = "holds"


def cable(needed: Sequence[bool]) -> Cable:
    """Judge from the sessions after which it is known whether a card was needed: by nine of ten of them."""
    count, of = sum(needed), len(needed)
    if of < MIN_SEEN:
        return Cable.UNKNOWN
    return Cable.LETS_GO if 10 * count <= of else Cable.HOLDS if 10 * count >= 9 * of else Cable.UNKNOWN
