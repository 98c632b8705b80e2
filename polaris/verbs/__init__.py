"""Catalog of the changes that a person can make, by group and name.

The command line and the pages are fronts of it: they read the arguments, ask before what hurts, perform the verb and
show its sentence. A front has words and layout, never a rule.
"""

from __future__ import annotations

from polaris.verbs import (
    accounts,
    baselines,
    bulk,
    cards,
    charger_security,
    chargers,
    commissioning,
    fleet,
    sessions,
    sites,
    tariffs,
)
from polaris.verbs.perform import Changed, perform, perform_once
from polaris.verbs.verb import Done, Verb, Warning

__all__ = ["GROUPS", "Changed", "Done", "Verb", "Warning", "perform", "perform_once"]

GROUPS: dict[str, dict[str, Verb]] = {
    "account": accounts.VERBS,
    "baseline": baselines.VERBS,
    "bulk": bulk.VERBS,
    "card": cards.VERBS,
    "charger": chargers.VERBS | charger_security.VERBS | commissioning.VERBS,
    "fleet": fleet.VERBS,
    "session": sessions.VERBS,
    "site": sites.VERBS,
    "tariff": tariffs.VERBS,
}
