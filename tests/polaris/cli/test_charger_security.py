"""Commands that let chargers go: what they ask first, and what they say about it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from polaris.administration import COMMAND_LINE
from polaris.ingest import Ingest
from polaris.ingest.refused_handshakes import RefusedHandshake
from polaris.models import AuditEntry, Charger
from tests.support.cast import Cast, now
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


@pytest.mark.parametrize("identity", ["depot-7", "depot-9"])
def test_accepting_asks_whose_key_it_is(run: Run, olga: FlaskClient, cast: Cast, ingest: Ingest, identity: str) -> None:
    """The same as the page does: with the key's mark and where it came from."""
    handshake = RefusedHandshake(identity, "10.0.0.5", "ocpp1.6", "hash", 1, now(), now(), 1, f"/ocpp/{identity}")
    ingest.note_refused_handshakes([handshake], now())
    page = olga.get(f"/actions/charger/accept?identity={identity}").text
    mark = re.search(r"Key \w{8}, offered from 10.0.0.5", page)

    asked = run("accept", identity)

    assert mark is not None
    assert (asked.exit_code, asked.output.splitlines()[0]) == (1, mark[0])
    assert f"Accept charger {identity}? Whoever has its key connects as this charger." in asked.output
    assert not AuditEntry.select().where(AuditEntry.actor == COMMAND_LINE, AuditEntry.target == identity).exists()
    assert run("accept", identity, "--yes").exit_code == 0


def test_back_into_service_is_asked(run: Run, people: Cast) -> None:
    Charger.update(status="retired").execute()
    identity = Charger.get().identity

    asked = run("unblock", identity)

    assert (asked.exit_code, f"Take charger {identity} back into service?" in asked.output) == (1, True)
    assert Charger.get().status == "retired"
