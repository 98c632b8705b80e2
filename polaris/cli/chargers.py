"""`flask --app app charger`: chargers. Its commands are in the other modules and in the catalog of verbs."""

from __future__ import annotations

from polaris.cli.common import Group

charger = Group("charger", help="Chargers and their keys.")
