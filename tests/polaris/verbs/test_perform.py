"""A verb is compared with what was shown and made in one transaction: both happen, or neither."""

from __future__ import annotations

import pytest
from flask import Flask
from peewee import IntegrityError

from polaris.models import AuditEntry, Charger, ChargingSession, database
from polaris.services import NAME
from polaris.verbs import GROUPS, Done, Verb, perform
from polaris.verbs.chargers import SetName
from polaris.verbs.verb import Warning
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging

NO_END = "CREATE TRIGGER no_end BEFORE UPDATE ON charging_session BEGIN SELECT RAISE(ABORT, 'no end'); END"


def test_hits_are_compared_where_the_change_is_made(app: Flask, cast: Cast) -> None:
    seen: list[bool] = []

    def warn(_: object) -> Warning:
        seen.append(database.in_transaction())
        return Warning("?", ("Ada",))

    def run(*_: object) -> Done:
        seen.append(database.in_transaction())
        return Done("done")

    asked = SetName("depot-7", "Harbour")
    perform(app.extensions[NAME], Verb(SetName, "", run, warning=warn), asked, actor=ACTOR, now=now(), shown={"Ada"})
    assert seen == [True, True]


def test_few_are_made_in_parts() -> None:
    """Any other verb that warns is made whole or not at all."""
    warning = {name for group in GROUPS.values() for name, verb in group.items() if verb.warning}
    whole = {name for group in GROUPS.values() for name, verb in group.items() if verb.warning and verb.is_compared}
    assert warning - whole == {"erase", "stop"}  # a stop hits its session alone, whatever happens meanwhile


def test_charger_is_retired_with_its_sessions_or_not_at_all(app: Flask, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    audited = AuditEntry.select().count()
    verb = GROUPS["charger"]["retire"]
    database.execute_sql(NO_END)  # stands for the process that ends between the two
    with pytest.raises(IntegrityError, match="no end"):
        perform(app.extensions[NAME], verb, verb.type("depot-7"), actor=ACTOR, now=now())
    assert (Charger.get().status, ChargingSession.get().state) == ("active", "active")
    assert AuditEntry.select().count() == audited
    database.execute_sql("DROP TRIGGER no_end")
    done = perform(app.extensions[NAME], verb, verb.type("depot-7"), actor=ACTOR, now=now())
    assert done.sentence == "Charger depot-7 is retired. Session 1 was closed with its last reading."
    assert (Charger.get().status, ChargingSession.get().state) == ("retired", "estimated")
