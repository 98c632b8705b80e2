"""Commands that let chargers go: what they ask first, and what they say about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask

from polaris.models import AuditEntry, Charger
from tests.support.cast import Cast
from tests.support.charging import Charging

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *arguments, typed=None: app.test_cli_runner().invoke(args=["charger", *arguments], input=typed)


def test_retiring_asks_first(run: Run, people: Cast, charging: Charging) -> None:
    charging.start(people.ada.id_tag)
    identity = Charger.get().identity
    asked = run("retire", identity, typed="n\n")

    assert asked.exit_code == 1
    assert f"Session 1, connector 1, {people.ada.email}\n" in asked.output
    assert f"Retire charger {identity}? What runs on it is closed as an estimate." in asked.output
    assert Charger.get().status == "active"
    assert run("retire", identity, "--yes").exit_code == 0
    assert Charger.get().status == "retired"


@pytest.mark.parametrize("verb", ["block", "disconnect"])
def test_interrupting_asks_if_somebody_charges(run: Run, people: Cast, charging: Charging, verb: str) -> None:
    identity = Charger.get().identity
    assert run(verb, identity).exit_code == 0
    Charger.update(status="active").execute()
    charging.start(people.ada.id_tag)
    before = AuditEntry.select().count()

    asked = run(verb, identity, typed="n\n")

    assert (asked.exit_code, people.ada.email in asked.output) == (1, True)
    assert AuditEntry.select().count() == before
    assert run(verb, identity, "--yes").exit_code == 0


def test_disconnect_says_whether_it_was_online(run: Run, charging: Charging) -> None:
    identity = Charger.get().identity
    Charger.update(connection_id=None).execute()
    assert run("disconnect", identity).output == f"Charger {identity} was not online.\n"
