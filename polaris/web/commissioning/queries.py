"""The queries of the pages of a charger's commissioning."""

from __future__ import annotations

from datetime import datetime

from polaris.commissioning import runs
from polaris.commissioning.runs import Run
from polaris.models import Charger, blocking
from polaris.web.commissioning.fragments import RunPage


@blocking
def newest(charger_id: int, now: datetime) -> RunPage | None:
    """Read a charger's newest run; None if there is no such charger."""
    charger = Charger.get_or_none(Charger.id == charger_id)
    if charger is None:
        return None
    found = runs.runs(charger_id, now)
    newest_run = found[0] if found else None
    reason = runs.out_of_service(charger)
    return RunPage(charger_id, charger.identity, charger.name, newest_run, out_of_service=reason)


@blocking
def report(charger_id: int, run_id: int, now: datetime) -> RunPage | None:
    """Read one run, and the one before it."""
    found = runs.runs(charger_id, now)
    place = next((index for index, run in enumerate(found) if run.id == run_id), None)
    if place is None:
        return None
    before: Run | None = found[place + 1] if place + 1 < len(found) else None
    return RunPage(charger_id, found[place].identity, found[place].name, found[place], before)
