"""The table of `session list`, in the words of the sessions page."""

from __future__ import annotations

from datetime import datetime

import click

from polaris.cli.common import newest, show_table
from polaris.domain.tariff import Money
from polaris.lists import session_lines, session_totals, sessions
from polaris.lists.session_lines import REFUSED, SessionLine
from polaris.lists.sessions import STATUS_WORDS, SessionFilter, Status

HEADER = (
    "session",
    "state",
    "driver",
    "card",
    "charger",
    "connector",
    "site",
    "start (UTC)",
    "minutes",
    "kWh",
    "cost",
    "in doubt",
)
STATES = {"active": STATUS_WORDS[Status.ACTIVE], REFUSED: "Card refused"}  # any other is Completed


def show(wanted: SessionFilter, limit: int, now: datetime, *, is_totalled: bool) -> None:
    """Print the newest sessions that are wanted, and their totals if they are asked for."""
    numbers = newest(lambda rows, before: sessions.page(wanted, rows, before), limit)
    if not numbers:
        click.echo("No matching sessions." if wanted.is_set else "No sessions yet.")
        return
    show_table([HEADER, *map(_cells, session_lines.of_numbers(numbers, now))])
    if is_totalled:
        _show_totals(wanted, now)


def _show_totals(wanted: SessionFilter, now: datetime) -> None:
    totals = session_totals.totals(wanted, now)
    of_newest = "" if totals.is_all else " (the newest alone)"
    costs = ", ".join(map(_money, totals.costs)) or "none"
    click.echo(
        f"Sessions: {totals.sessions}{of_newest}. Energy: {_kwh(totals.energy_wh)} kWh. Estimated cost: {costs}."
    )
    if totals.unknown_energy or totals.unknown_cost:
        click.echo(f"Not in the sums: {totals.unknown_energy} unknown energies, {totals.unknown_cost} unknown costs.")


def _cells(line: SessionLine) -> tuple[str, ...]:
    doubts = ["Estimate"] if line.is_estimated else []
    if line.notes:
        doubts.append(f"{len(line.notes)} note{'s' if len(line.notes) > 1 else ''}")
    return (
        str(line.number),
        STATES.get(line.badge, "Completed"),
        line.driver,
        line.card,
        line.charger_identity,
        str(line.connector),
        line.site,
        f"{line.started_at:%Y-%m-%d %H:%M}",
        str(line.duration_s // 60),
        "not known" if line.energy_wh is None else _kwh(line.energy_wh),
        "" if line.cost is None else _money(line.cost),
        ", ".join(doubts),
    )


def _kwh(energy_wh: int) -> str:
    return f"{energy_wh / 1000:.2f}"


def _money(money: Money) -> str:
    return f"{money.amount} {money.currency}"
