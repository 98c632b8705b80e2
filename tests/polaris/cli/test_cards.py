"""`flask --app app card`: what each command does and says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import Result
from flask import Flask

from polaris.ingest import unknown_cards
from polaris.models import AuditEntry, EvCard
from tests.support.cast import Cast, everybody

Run = Callable[..., Result]
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.both_databases


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *arguments, typed=None: app.test_cli_runner().invoke(args=list(arguments), input=typed)


@pytest.fixture
def cast(app: Flask, config) -> Cast:
    return everybody(config)


@pytest.mark.field(123, 133, 135)
def test_cards_added_and_listed(run: Run, cast: Cast) -> None:
    email = cast.ben.email
    for arguments in (
        (" F6 CA 0C C5",),
        ("RDAM|123", "--expires", "2027-01-31"),
        ("1234", "--type", "keycode", "--expires", "2027-01-31T12:00+01:00"),
        ("de*abc*1", "--type", "eMAID"),
        ("KeyCode:1234",),
    ):
        added = run("card", "add", email, *arguments)
        assert added.exit_code == 0, added.output

    listed = [line.split() for line in run("card", "list", "--email", email).output.splitlines()]
    assert [" ".join(words) for words in listed] == [
        "card owner state expires (UTC) last session",
        f"KEYCODE:1234 (ISO14443) {email} active never none",
        f"DE*ABC*1 (eMAID) {email} active never none",
        f"1234 (KeyCode) {email} active 2027-01-31 11:00 none",
        f"RDAM|123 {email} active 2027-01-31 00:00 none",
        f"F6CA0CC5 {email} active never none",
        f"BEN-1 {email} active never none",
    ]
    assert run("card", "list", "--card", "f6ca").output.splitlines()[1].split() == listed[5]
    assert run("card", "list", "--state", "blocked").output == "No matching cards.\n"


@pytest.mark.field(135)
def test_expiry_set_and_taken_away(run: Run, cast: Cast) -> None:
    said = run("card", "set-expiry", cast.ada.id_tag.lower(), "2027-01-31")
    assert said.output == f"Card {cast.ada.id_tag.lower()} expires at 2027-01-31 00:00 UTC.\n"
    assert EvCard.get(EvCard.id_tag == cast.ada.id_tag).expires_at == datetime(2027, 1, 31, tzinfo=UTC)
    assert run("card", "set-expiry", cast.ada.id_tag, "--clear").exit_code == 0
    assert EvCard.get(EvCard.id_tag == cast.ada.id_tag).expires_at is None
    details = [
        e.detail for e in AuditEntry.select().where(AuditEntry.action == "card.expiry_set").order_by(AuditEntry.id)
    ]
    assert details == ["never to 2027-01-31T00:00:00+00:00", "2027-01-31T00:00:00+00:00 to never"]
    assert run("card", "set-expiry", cast.ada.id_tag, "soon").exit_code == 2


@pytest.mark.field(133)
def test_typed_card_blocked_by_type(run: Run, cast: Cast) -> None:
    run("card", "add", cast.ada.email, "1234", "--type", "KeyCode")
    assert run("card", "block", "1234").output == "Error: There is no card 1234.\n"
    assert run("card", "block", "1234", "--type", "KeyCode", "--yes").output.endswith(
        "Card 1234 (KeyCode) is blocked.\n"
    )
    assert EvCard.get(EvCard.id_tag == "KEYCODE:1234").status == "blocked"


@pytest.mark.field(133)
def test_tapped_card_added_by_number(run: Run, cast: Cast) -> None:
    assert run("card", "tapped").output == "No unknown card was tapped.\n"
    for id_tag in ("F6 CA 0C C5", "MacAddress:00:11", "F6 CA 0C C5"):
        unknown_cards.note([], id_tag, cast.depot_7.id, NOW)
    first, second = run("card", "tapped").output.splitlines()
    number = first.split()[0]
    assert first == f"{number}  00:11 (MacAddress)  depot-7  once, last 2026-11-23 12:00:00 UTC"
    assert second.endswith("F6CA0CC5  depot-7  2 times, last 2026-11-23 12:00:00 UTC")

    added = run("card", "add-tapped", number, cast.ada.email, typed="y\n")
    asked, question, done = added.output.splitlines()
    assert asked == "00:11 (MacAddress)"
    assert question.startswith(f"Add the card to {cast.ada.email}? It was last tapped at depot-7, and charges ")
    assert done == f"Card 00:11 (MacAddress) was added to {cast.ada.email}."
    assert EvCard.get(EvCard.id_tag == "MACADDRESS:00:11").account_id == cast.ada.id
    assert run("card", "tapped").output.splitlines() == [second]


def test_card_that_was_not_tapped_is_refused(run: Run, cast: Cast) -> None:
    assert run("card", "add-tapped", "999", cast.ada.email).output == (
        "Error: There is no unknown card 999. Somebody may have got it already.\n"
    )
