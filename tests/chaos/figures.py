"""Proof by invention: of sessions told wrongly in every way, the total is the truth, less what was lost, or not known.

`python -m tests.chaos.figures 20000 SEED` invents as many, prints how often each kind is not known, and each session
that comes out wrong, made as small as it still does.
"""

from __future__ import annotations

import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from polaris.domain import energy, totals
from polaris.domain.energy import Observation
from polaris.domain.totals import Total
from tests.support.true_sessions import BEGIN, END, Figure, TrueSession, told_session


@dataclass(frozen=True)
class Verdict:
    """What came of a session: its total, the figures shown while it ran, and what is wrong with them."""

    total: Total
    live: tuple[int | None, ...]
    faults: tuple[str, ...]


def judged(session: TrueSession) -> Verdict:
    """Tell a session to the meter."""
    start, end, told = session.start, session.end, session.told
    if end.register_wh is None:  # a figure of context Transaction.End is the end's
        at_end = [figure.register_wh for figure in told if figure.context == END]
        end = replace(end, register_wh=at_end[-1] if at_end else None)
    told = tuple([one for one in told if one.context != END or one.register_wh != end.register_wh])
    meter = energy.begin(start.register_wh, start.at_us, start.received_us, session.max_power_w)
    live: list[int | None] = []
    for figure in told:
        meter, _ = meter.add(_observation(figure))
        live.append(meter.shown_wh)
    total = totals.close(meter, end.register_wh, end.at_us, end.received_us)
    return Verdict(total, tuple(live), (*_of_total(session, total), *_of_live(session, told, live)))


def _observation(figure: Figure) -> Observation:
    return Observation(
        at_us=figure.at_us,
        received_us=figure.received_us,
        register_wh=figure.register_wh,
        interval_wh=figure.interval_wh,
        context=figure.context,
        power_w=figure.power_w,
        is_named=figure.is_named,
    )


def _of_total(session: TrueSession, total: Total) -> Iterator[str]:
    energy_wh = total.energy_wh
    if energy_wh is None:
        if not total.notes:
            yield "not known without a note"
        return
    if energy_wh < 0:
        yield "negative"
    if energy_wh > session.most_wh:
        yield f"beyond the bound of {session.most_wh}"
    if session.is_ambiguous:
        return
    if energy_wh > session.truth_wh + session.tolerance_wh:
        yield f"{energy_wh} is more than the truth of {session.truth_wh}"
    if energy_wh < session.certain_wh - session.tolerance_wh:
        yield f"{energy_wh} is less than the certain {session.certain_wh}"


def _of_live(session: TrueSession, told: Sequence[Figure], live: list[int | None]) -> Iterator[str]:
    known = [shown for shown in live if shown is not None]
    if known != sorted(known):
        yield f"live figures fall: {known}"
    if session.is_ambiguous or not all(figure.is_named for figure in told):
        return
    slack_wh = session.tolerance_wh + session.bound_wh(0, 0)
    for figure, shown in zip(told, live, strict=True):
        if shown is not None and shown > figure.energy_wh + slack_wh:
            yield f"live {shown} is more than the truth of {figure.energy_wh} by then"
            return


def sessions(count: int, seed: object) -> Iterator[TrueSession]:
    for number in range(count):
        yield told_session(random.Random(f"{seed} {number}"))


def smaller(session: TrueSession, is_wrong: Callable[[TrueSession], object]) -> TrueSession:
    """Leave out samples for as long as a session stays wrong."""
    size = max(1, len(session.figures) // 2)
    while size:
        index = 0
        while index < len(session.figures):
            less = replace(session, figures=session.figures[:index] + session.figures[index + size :])
            if is_wrong(less):
                session = less
            else:
                index += size
        size //= 2
    return session


def described(session: TrueSession, verdict: Verdict) -> str:
    """Return a session line by line, its instants in seconds from its start."""

    def line(figure: Figure, name: str) -> str:
        seconds = [(us - session.start.true_us) / 1_000_000 for us in (figure.at_us, figure.received_us)]
        context = {BEGIN: "begin", END: "end"}.get(figure.context, figure.context.removeprefix("Sample."))
        figures = f"register {figure.register_wh} interval {figure.interval_wh} power {figure.power_w}"
        marks = (" FALSE" if figure.is_false else "") + ("" if figure.is_named else " unnamed")
        return f"  {name:6} {seconds[0]:9.1f} ({seconds[1]:9.1f}) {context:9} {figures} truth {figure.energy_wh}{marks}"

    told = [line(figure, "") for figure in session.told]
    shown = f"  total {verdict.total.energy_wh} {sorted(verdict.total.notes)} live {list(verdict.live)}"
    asked = f"  max {session.max_power_w} W, resolution {session.resolution_wh} Wh, certain {session.certain_wh} Wh"
    heading = f"{', '.join(session.kinds) or 'nothing wrong'} ({', '.join(session.habits)})"
    lines = [heading, *(f"  ! {fault}" for fault in verdict.faults), asked, line(session.start, "start"), *told]
    return "\n".join([*lines, line(session.end, "end"), shown])


def _first_words(fault: str) -> str:
    return "".join(letter for letter in fault.partition(":")[0] if not letter.isdigit()).strip()


class Tally:
    """How sessions came out, by what had gone wrong with them."""

    def __init__(self) -> None:
        self.told, self.unknown, self.wrong, self.exact, self.ambiguous = (Counter[str]() for _ in range(5))
        self.failures: list[TrueSession] = []

    def count(self, session: TrueSession) -> Verdict:
        """Judge a session and count what came of it."""
        verdict, kind = judged(session), " + ".join(session.kinds) or "nothing"
        energy_wh = verdict.total.energy_wh
        self.told[kind] += 1
        self.unknown[kind] += energy_wh is None
        self.ambiguous[kind] += session.is_ambiguous
        self.exact[kind] += energy_wh is not None and abs(energy_wh - session.truth_wh) <= session.tolerance_wh
        self.wrong[kind] += bool(verdict.faults)
        if verdict.faults:
            self.failures.append(session)
        return verdict

    @property
    def kinds(self) -> list[str]:
        """The kinds, those that are alone first, of each the least known first."""
        return sorted(self.told, key=lambda kind: ("+" in kind, -self.unknown[kind] / self.told[kind]))

    def unknown_by_kind(self) -> str:
        """Return how often each kind alone is not known, and any two at once."""
        alone = [kind for kind in self.kinds if "+" not in kind]
        both = [kind for kind in self.kinds if "+" in kind]
        shares = [f"{kind} {self.unknown[kind]}/{self.told[kind]}" for kind in alone if self.unknown[kind]]
        pairs = f"two at once {sum(self.unknown[kind] for kind in both)}/{sum(self.told[kind] for kind in both)}"
        return ", ".join([*shares, pairs])


def main(count: int, seed: str) -> int:
    """Judge sessions; print up to two failures of each sort, and the table. Return how many were wrong."""
    tally, failures = Tally(), defaultdict[str, list[TrueSession]](list)
    for session in sessions(count, seed):
        verdict = tally.count(session)
        if verdict.faults:
            failures[f"{' + '.join(session.kinds)}: {_first_words(verdict.faults[0])}"].append(session)
    for name, found in sorted(failures.items(), key=lambda item: len(item[1])):
        print(f"--- {len(found)} × {name}")
        for session in found[:2]:
            least = smaller(session, lambda less: judged(less).faults)
            print(described(least, judged(least)))
    print(f"{'kind':36} {'told':>6} {'true':>6} {'not known':>9} {'ambiguous':>9} {'wrong':>6}")
    columns = tally.told, tally.exact, tally.unknown, tally.ambiguous, tally.wrong
    for kind in tally.kinds:
        told, exact, unknown, ambiguous, wrong = (column[kind] for column in columns)
        print(f"{kind:36} {told:6} {exact:6} {unknown:9} {ambiguous:9} {wrong:6}")
    print(f"{count} sessions, seed {seed}: {tally.unknown.total()} not known, {tally.wrong.total()} wrong")
    return tally.wrong.total()


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else str(random.randrange(2**32)))))
