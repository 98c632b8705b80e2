"""A charger's behaviour in plain words: for its page and for the command line."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask

from polaris.domain.absences import Absences, runs
from polaris.domain.behaviour import MIN_SEEN, Delays, Quirk, Record, Worse
from polaris.domain.clock_drift import Drift
from polaris.domain.data_quality import Note
from polaris.rendering.filters import duration, number
from polaris.rendering.translations import gettext


def register(app: Flask) -> None:
    """Add the filters to the app's Jinja environment."""
    for filter_ in (delays, cable, clock_drift, failures, period, worse, absence, absence_hours, quirk):
        app.add_template_filter(filter_)


def seconds(value: float) -> str:
    """Format a delay: "0.4 s", "12 s", "3 min"."""
    if value >= 120:
        return duration(round(value))
    return gettext("%(seconds)s\u00a0s", seconds=number(round(value, 1) if value < 10 else round(value)))


def not_often_enough() -> str:
    return gettext("Not seen often enough")


def delays(delays: Delays) -> str:
    """Say how long something takes."""
    if not delays.is_known:
        return not_often_enough()
    return gettext(
        "Half of the time within %(median)s, 95 of 100 times within %(most)s, at worst %(worst)s",
        median=seconds(delays.median_s),
        most=seconds(delays.most_s),
        worst=seconds(delays.worst_s),
    )


def failures(count: int, record: Record) -> str:
    """Say how often something went wrong in one way."""
    return share(count, record.seen) if record.is_known else not_often_enough()


def share(count: int, of: int) -> str:
    return gettext("%(count)s of %(all)s", count=count, all=of) if count else gettext("Never")


def period(firmware: str, is_whole: bool) -> str:
    """Name the period that is looked back. If the firmware is no older than that, its day follows."""
    if not firmware:
        return gettext("since") if is_whole else gettext("in the last 90 days")
    if is_whole:
        return gettext("with firmware %(firmware)s since", firmware=firmware)
    return gettext("with firmware %(firmware)s, in the last 90 days", firmware=firmware)


def worse(worse: Worse, kind: str, firmware: str) -> str:
    """Say by what a firmware is worse than the one before; `kind` is "stops" or "commands"."""
    counts = {"failed": worse.failed, "seen": worse.seen, "before": worse.failed_before, "all": worse.seen_before}
    times = worse.times or 0
    words = {
        ("stops", True): gettext("Since firmware %(firmware)s stops fail %(times)s times as often"),
        ("stops", False): gettext("Since firmware %(firmware)s stops fail more often"),
        ("commands", True): gettext("Since firmware %(firmware)s commands stay unanswered %(times)s times as often"),
        ("commands", False): gettext("Since firmware %(firmware)s commands stay unanswered more often"),
    }[kind, times > 1]
    figures = gettext("%(failed)s of %(seen)s, before %(before)s of %(all)s", **counts)
    return f"{words % {'firmware': firmware, 'times': times}}: {figures}"


def clock_drift(drift: Drift) -> str:
    """Say how a clock drifts."""
    if not drift.is_known:
        return not_often_enough()
    per_day = number(round(abs(drift.per_day_s), 1))
    if drift.is_still:
        words = gettext("It keeps time")
    elif drift.per_day_s > 0:
        words = gettext("It gains %(seconds)s\u00a0s a day", seconds=per_day)
    else:
        words = gettext("It loses %(seconds)s\u00a0s a day", seconds=per_day)
    jumps = gettext("jumps: %(count)s", count=drift.jumps) if drift.jumps else gettext("no jumps")
    return f"{words}; {jumps}; {clock_now(drift)}"


def clock_now(drift: Drift) -> str:
    off = seconds(abs(drift.ahead_s))
    if drift.ahead_s > 0:
        return gettext("%(off)s ahead at last", off=off)
    return gettext("%(off)s behind at last", off=off)


def cable(needed: Sequence[bool]) -> str:
    """Say whether a charger holds the cable after a stop."""
    if len(needed) < MIN_SEEN:
        return not_often_enough()
    return gettext("Held until a card was tapped: %(share)s", share=share(sum(needed), len(needed)).lower())


def absence(absences: Absences) -> str:
    """Say how long a charger is gone."""
    if not absences.is_known:
        return not_often_enough()
    return gettext(
        "Half of the times for at most %(median)s, at longest for %(longest)s, %(all)s in all",
        median=duration(absences.median_s),
        longest=duration(absences.longest_s),
        all=duration(absences.gone_s),
    )


def absence_hours(absences: Absences, zone: str) -> str:
    """Say at what hours a charger is gone."""
    if not absences.is_known:
        return not_often_enough()
    spans = [f"{first}:00–{until}:00" for first, until in runs(absences.usual_hours)]
    if not spans:
        return gettext("At no hour much more often than at others")
    return gettext("Most often at %(spans)s (%(zone)s)", spans=", ".join(spans), zone=zone)


def quirk(quirk: Quirk) -> tuple[str, str]:
    """Say what a charger does, and what Polaris does about it."""
    unknown = gettext("The energy is shown as not known until an operator sets it.")
    set_aside = gettext("They are kept and shown, and not counted.")
    last = gettext("The last reading before it counts.")
    return {
        Note.GAP: (
            gettext("It sends no readings for half an hour and longer."),
            gettext("The page says how old the last reading is; nothing is extrapolated."),
        ),
        Note.REGISTER_RESET: (gettext("Its meter begins anew in mid-session."), gettext("The pieces are added up.")),
        Note.CLOCK_CORRECTED: (
            gettext("Its clock is wrong."),
            gettext("What it is ahead is taken off its times; times that cannot be right become ours."),
        ),
        Note.REPLAYED_OFFLINE: (
            gettext("It loses its connection in mid-session and sends later what happened."),
            gettext("What comes late is put in its place, by the charger's own times."),
        ),
        Note.UNIT_DOUBTFUL: (
            gettext("It sends kWh as Wh, or the reverse: its figures differ by about a thousand."),
            gettext("Nothing is rescaled by guess; an operator can set the unit."),
        ),
        Note.INFERRED: (
            gettext("It does not say which session its readings belong to."),
            gettext("They go to the session that is open on the connector, if they continue its meter."),
        ),
        Note.NOT_KNOWN: (gettext("Its figures do not say how much has flowed."), unknown),
        Note.COUNTED_FROM_ZERO: (
            gettext("Its meter counts from zero in each session, but it sends another start."),
            gettext("The session is counted from zero."),
        ),
        Note.OTHER_REGISTER: (
            gettext("Its readings come from another register than its start and end."),
            gettext("Start and end count; the readings in between are shown only."),
        ),
        Note.READINGS_SET_ASIDE: (gettext("It sends readings that cannot be right."), set_aside),
        Note.UNREADABLE: (gettext("It sends energies without a number or a unit that is known."), set_aside),
        Note.NOT_METERED: (gettext("It reports power while its meter does not move."), unknown),
        Note.POWER_EXCEEDED: (
            gettext("Its meter rises faster than its connectors are known to deliver."),
            gettext("The energy is not known. If it does deliver more, an operator can set its power."),
        ),
        Note.FINAL_DOUBTED: (gettext("Its final meter figure cannot be right."), last),
        Note.FINAL_BELOW_READINGS: (gettext("Its final meter figure is below the figures before it."), last),
        Note.FINAL_MISSING: (gettext("It sends no final meter figure."), gettext("Its last reading counts.")),
        Note.START_MISSING: (
            gettext("It sends no meter figure at the start that can be right."),
            gettext("Its first reading is taken for the start."),
        ),
        Note.START_NEVER_CAME: (
            gettext("Its messages about starts do not come."),
            gettext("The session is made from a later message."),
        ),
        Note.END_JOINED: (
            gettext("Its ends name no session that is known."),
            gettext("They are matched to the session they fit by card and time."),
        ),
    }[quirk.note]
