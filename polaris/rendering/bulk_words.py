"""Commands to many chargers in words, alike on their pages and on the command line."""

from __future__ import annotations

from flask import Flask

from polaris.domain.bulk import BulkState
from polaris.domain.sentences import N_, say, say_count
from polaris.lists.bulks import BulkView, Fate
from polaris.rendering.filters import number
from polaris.rendering.translations import gettext, ngettext

STATES = {
    BulkState.DRAFT: N_("Dry run: nothing was sent"),
    BulkState.EXPIRED: N_("This dry run is too old: make a new one"),
    BulkState.RUNNING: N_("Being sent, a few each second"),
    BulkState.PAUSED: N_("Paused"),
    BulkState.CANCELLED: N_("Cancelled"),
    BulkState.DONE: N_("Done"),
}
WAITS_FOR_TURN = N_("Waits for its turn")
FATES = {
    Fate.WAITING: N_("Waiting"),
    Fate.OPEN: N_("Sent, no outcome yet"),
    Fate.DONE: N_("Done"),
    Fate.FAILED: N_("Failed"),
    Fate.EXCLUDED: N_("Left out"),
}
WAITING = {  # what waiting means then
    BulkState.DRAFT: N_("To get it"),
    BulkState.EXPIRED: N_("Not sent"),
    BulkState.CANCELLED: N_("Not sent"),
}
NOBODY = N_(
    "Nobody would get it. Each charger's reason stands beside it: make the dry run again when that has changed."
)


def register(app: Flask) -> None:
    """Add the filters to the app's Jinja environment."""
    for filter_ in (bulk_state, bulk_fate, bulk_size, bulk_obstacle, bulk_again, bulk_interrupts, bulk_whose):
        app.add_template_filter(filter_)


def bulk_state(bulk: BulkView) -> str:
    """Say how far a bulk is."""
    return gettext(WAITS_FOR_TURN if bulk.waits_for else STATES[bulk.state])


def bulk_fate(bulk: BulkView, fate: Fate) -> str:
    """Name a fate of a bulk's chargers."""
    return gettext(WAITING.get(bulk.state, FATES[fate]) if fate is Fate.WAITING else FATES[fate])


def bulk_size(bulk: BulkView) -> str:
    """Count the chargers that a bulk is for, and those that are left out of it."""
    out = bulk.count(Fate.EXCLUDED)
    chargers = ngettext("%(num)s charger", "%(num)s chargers", bulk.total - out, num=number(bulk.total - out))
    return gettext("%(chargers)s, %(out)s left out", chargers=chargers, out=number(out)) if out else chargers


def bulk_obstacle(bulk: BulkView) -> str:
    """Say what to do with a dry run that nobody would get; "" of any other."""
    is_empty = bulk.state is BulkState.DRAFT and not bulk.count(Fate.WAITING)
    return say(NOBODY) if is_empty else ""


def bulk_again(bulk: BulkView) -> str:
    """Return the words of the button that makes a dry run from a bulk; "" if it has none."""
    is_old = bulk.state is BulkState.EXPIRED and bulk.counts  # an older one's list is gone
    if is_old or bulk_obstacle(bulk):
        return gettext("Make the dry run again")
    has_failed = bulk.count(Fate.FAILED) and bulk.state in (BulkState.DONE, BulkState.CANCELLED)
    return gettext("Again for what failed") if has_failed else ""


def bulk_interrupts(bulk: BulkView) -> str:
    """Count the sessions that a dry run may interrupt once it is started; "" if there are none."""
    if not bulk.interrupted:
        return ""
    return say_count(
        "This can interrupt %(num)s session. A charger where another has begun since is left out.",
        "This can interrupt %(num)s sessions. A charger where another has begun since is left out.",
        bulk.interrupted,
    )


def bulk_whose(bulk: BulkView) -> list[str]:
    """Name these sessions, or the first of them."""
    more = bulk.interrupted - len(bulk.whose)
    return [*bulk.whose, *([say_count("and %(num)s more", "and %(num)s more", more)] if more else [])]
