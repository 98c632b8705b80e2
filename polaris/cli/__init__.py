"""The command line of an installation, under `flask --app app`: a module for each group of commands.

Those that change something are made from the catalog of verbs (`verbs`).

A command reads its input, calls one function, and prints what was done. Secrets come from a prompt or from standard
input, never from the command line, where others could read them.
"""

from __future__ import annotations

from flask import Flask

from polaris.cli import (  # noqa: F401 - they add their commands to `charger`
    charger_behaviour,
    charger_commands,
    charger_security,
    commissioning,
)
from polaris.cli.accounts import account
from polaris.cli.attention import attention_group
from polaris.cli.audit import audit_group
from polaris.cli.baselines import baseline
from polaris.cli.bulk import bulk
from polaris.cli.cards import card
from polaris.cli.chargers import charger
from polaris.cli.db import db, demo_group
from polaris.cli.fleet import fleet
from polaris.cli.ocpp_log import frames
from polaris.cli.sessions import session
from polaris.cli.sites import site, tariff
from polaris.cli.verbs import add_to


def init_app(app: Flask) -> None:
    for group in (
        account,
        baseline,
        bulk,
        card,
        charger,
        fleet,
        session,
        attention_group,
        tariff,
        site,
        db,
        audit_group,
        frames,
        demo_group,
    ):
        add_to(group)
        app.cli.add_command(group)
