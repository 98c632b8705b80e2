"""`flask --app app site` and `tariff`: places with chargers, and what energy costs there."""

from __future__ import annotations

from polaris.cli.common import Group

site = Group("site", help="Places with chargers.")
tariff = Group("tariff", help="What energy costs.")
