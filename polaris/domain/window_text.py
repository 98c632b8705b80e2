"""Windows of prices as a person types them, one a line: `Mon-Fri 07:00-20:00 0.39 per kWh, 0.05 per minute`.

A day is the first three letters of its name; `daily` is all of them. Days are listed with commas, or with a dash from
one to another. A window ends on the day that it begins on, at 24:00 at the latest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from polaris.domain.price_windows import DAY_MIN, MAX_WINDOWS, Overlap, Window, overlaps
from polaris.domain.sentences import N_, Problem, say, say_count, together

EXAMPLE = "Mon-Fri 07:00-20:00 0.39 per kWh, 0.05 per minute"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAILY = "daily"
MAX_NAMED = 5  # overlaps in one sentence
MAX_LENGTH = 100  # of a line: a longer one is a mistake, and would fill the sentence about it
MAX_SHOWN = 40  # characters of a line that cannot be read
_INDEX = {day.casefold(): index for index, day in enumerate(DAYS)}
_NUMBER = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_LINE = re.compile(
    r"(?P<days>\S+)\s+(?P<from>[0-9]{1,2}:[0-9]{2})\s*[-–]\s*(?P<to>[0-9]{1,2}:[0-9]{2})\s+"
    rf"(?P<per_kwh>{_NUMBER})\s+per\s+kWh(?:\s*,?\s*(?:and\s+)?(?P<per_minute>{_NUMBER})\s+per\s+minute)?\s*",
    re.IGNORECASE,
)


_ADVICE = (  # for what a line has that it cannot have
    (re.compile(r"[0-9],[0-9]"), N_("write decimals with a point, such as 0.39")),
    (re.compile(r"\s-[0-9.]+\s+per"), N_("a price is not negative")),
    (re.compile(r"[0-9]{7,}|\.[0-9]{7,}"), N_("a price has at most six digits before its point, and six after it")),
)


_LIKE = say("write it like %(example)s", example=EXAMPLE)


class Unreadable(Problem):
    """Lines that no windows can be made of; the text has a sentence for each, which names it."""


def read(lines: Sequence[str], per_minute: Decimal) -> tuple[Window, ...]:
    """Return the windows of some lines. One that says nothing of minutes has the `per_minute` of all other times.

    Raise `Unreadable`.
    """
    if len(lines) > MAX_WINDOWS:
        raise Unreadable(
            say(
                "There are %(len)s windows. A tariff has at most %(max_windows)s.",
                len=len(lines),
                max_windows=MAX_WINDOWS,
            )
        )
    windows: list[Window] = []
    problems: list[str] = []
    for number, text in enumerate(lines, start=1):
        try:
            windows.append(_window(number, text.strip(), per_minute))
        except Unreadable as problem:
            problems.append(problem.sentence)
    if problems:
        raise Unreadable(together(*problems))
    found = overlaps(windows)
    if found:
        named = map(_time_of, found[:MAX_NAMED])
        left = len(found) - MAX_NAMED
        more = say_count("and %(num)s more", "and %(num)s more", left) if left > 0 else ""
        times = together(*named, more, between="; ")
        raise Unreadable(say("In two windows: %(times)s. At each time there is one price.", times=times))
    return tuple(windows)


def line(window: Window, per_minute: Decimal) -> str:
    """Return a window as `read` takes it, whose `per_minute` is left out if it is that of all other times."""
    text = f"{days(window.days)} {clock(window.from_min)}-{clock(window.to_min)} {window.per_kwh} per kWh"
    return text if window.per_minute == per_minute else f"{text}, {window.per_minute} per minute"


def days(of: Sequence[int], names: Sequence[str] = DAYS, *, daily: str = DAILY, dash: str = "-") -> str:
    """Return weekdays in few words: neighbours of three or more as from one to another."""
    if len(of) == len(DAYS):
        return daily
    runs: list[list[int]] = []
    for day in sorted(of):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    parts = [
        f"{names[run[0]]}{dash}{names[run[-1]]}" if len(run) > 2 else ",".join(names[day] for day in run)
        for run in runs
    ]
    return ",".join(parts)


def clock(minute: int) -> str:
    """Return a minute of the day as a time of it; the last one is 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _window(number: int, text: str, per_minute: Decimal) -> Window:
    match = _LINE.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        advice = next((say(words) for found, words in _ADVICE if found.search(text)), _LIKE)
        raise Unreadable(
            say("Line %(number)s, %(text)s: %(advice)s.", number=number, text=text[:MAX_SHOWN], advice=advice)
        )
    from_min, to_min = (_minute(number, match[name]) for name in ("from", "to"))
    if from_min >= to_min:
        raise Unreadable(
            say(
                "Line %(number)s: %(begin)s-%(end)s ends before it begins. Write a window over midnight as "
                "two: one to 24:00 and, on the days after, one from 00:00.",
                number=number,
                begin=match["from"],
                end=match["to"],
            )
        )
    by_minute = per_minute if match["per_minute"] is None else Decimal(match["per_minute"])
    return Window(_days(number, match["days"]), from_min, to_min, Decimal(match["per_kwh"]), by_minute)


def _days(number: int, text: str) -> tuple[int, ...]:
    if text.casefold() == DAILY:
        return tuple(range(len(DAYS)))
    found: list[int] = []
    for part in text.casefold().split(","):
        first, dash, last = part.replace("–", "-").partition("-")
        if first not in _INDEX or (dash and last not in _INDEX):
            raise Unreadable(
                say("Line %(number)s: %(text)s are no days. Write Mon-Fri, Sat,Sun or daily.", number=number, text=text)
            )
        begin, end = _INDEX[first], _INDEX[last or first]
        found += [day % len(DAYS) for day in range(begin, end + 1 if end >= begin else end + 1 + len(DAYS))]
    if len(set(found)) < len(found):
        raise Unreadable(say("Line %(number)s: %(text)s names a day twice.", number=number, text=text))
    return tuple(sorted(found))


def _minute(number: int, text: str) -> int:
    hour, _, minute = text.partition(":")
    found = int(hour) * 60 + int(minute)
    if int(minute) > 59 or found > DAY_MIN:
        raise Unreadable(
            say("Line %(number)s: there is no %(text)s. The day is from 00:00 to 24:00.", number=number, text=text)
        )
    return found


def _time_of(overlap: Overlap) -> str:
    return f"{DAYS[overlap.weekday]} {clock(overlap.from_min)}–{clock(overlap.to_min)}"
