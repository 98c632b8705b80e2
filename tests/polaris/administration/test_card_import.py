"""The import of cards: all or none, exactly what was previewed, and the same again changes nothing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from polaris import administration
from polaris.administration import Refused
from polaris.administration.card_import import Fate, Outdated, Preview, import_cards, preview
from polaris.audit import verify
from polaris.domain.enums import Role
from polaris.domain.limits import MAX_FILE
from polaris.models import AuditEntry, EvCard, blocking
from tests.support.cast import PASSWORD

pytestmark = pytest.mark.both_databases

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHO = {"actor": "olga@example.com", "now": NOW}
ADA, BEN = "ada@example.com", "ben@example.com"


@pytest.fixture(autouse=True)
def people(database: None) -> None:
    for email in (ADA, BEN):
        administration.add_account(email, PASSWORD, Role.DRIVER, **WHO)
    administration.add_card(ADA, "ADA-1", **WHO)
    administration.add_card(BEN, "BEN-1", **WHO)


def file(*rows: str) -> str:
    return "\n".join(("email,id_tag,type,expires", *rows))


@blocking
def cards() -> list[tuple[str, str]]:
    return [(row.id_tag, row.account.email) for row in EvCard.select().order_by(EvCard.id)]


@blocking
def audit() -> list[tuple[str, str, str]]:
    rows = AuditEntry.select().where(AuditEntry.action.startswith("card.")).order_by(AuditEntry.id)
    return [(row.action, row.target, row.detail) for row in rows][2:]


def fates(found: Preview) -> list[tuple[int, Fate, str]]:
    return [(outcome.number, outcome.fate, outcome.detail) for outcome in found.outcomes]


def test_preview_says_what_becomes_of_each_line() -> None:
    text = file(
        f"{ADA},04a1",
        f"{ADA},ada-1",
        f"{ADA.upper()},ADA-2,,2027-01-01",
        f"{ADA},BEN-1",
        "zoe@x.example,1",
        f"{ADA},04A1",
    )
    found = preview(text)
    assert fates(found) == [
        (2, Fate.ADDED, ""),
        (3, Fate.UNCHANGED, ""),
        (4, Fate.ADDED, "until 2027-01-01 00:00 UTC"),
        (5, Fate.REFUSED, "The card belongs to ben@example.com. It is not moved."),
        (6, Fate.REFUSED, "There is no account zoe@x.example."),
        (7, Fate.REFUSED, "Line 2 has the same card."),
    ]
    assert [outcome.number for outcome in found.in_order] == [5, 6, 7, 2, 4, 3]
    assert found.sentence == "3 lines are refused, so no card is imported."
    with pytest.raises(Refused, match="3 lines are refused"):
        import_cards(text, found.mark, **WHO)
    assert cards() == [("ADA-1", ADA), ("BEN-1", BEN)]
    assert audit() == []


def test_import_does_what_was_previewed_once() -> None:
    text = file(f"{ADA},04a1", f"{BEN},1234,KeyCode,2027-01-01", f"{ADA},ADA-1,,2027-02-01T10:00:00+01:00")
    found = preview(text)
    assert cards() == [("ADA-1", ADA), ("BEN-1", BEN)]
    done = import_cards(text, found.mark, **WHO)
    assert done.sentence == "Cards: 2 added, 1 changed, 0 unchanged."
    assert cards()[2:] == [("04A1", ADA), ("KEYCODE:1234", BEN)]
    assert audit() == [
        ("card.added", "04A1", ADA),
        ("card.added", "KEYCODE:1234", f"{BEN}, expires 2027-01-01T00:00:00+00:00"),
        ("card.expiry_set", "ADA-1", "never to 2027-02-01T09:00:00+00:00"),
    ]
    assert verify().problems == ()
    again = import_cards(text, found.mark, **WHO)  # a second press
    assert again.sentence == "Nothing to import: all of it is so already."
    assert len(cards()) == 4
    assert len(audit()) == 3


def test_blocked_card_stays_blocked() -> None:
    administration.block_card("ADA-1", **WHO)
    assert fates(preview(file(f"{ADA},ADA-1"))) == [(2, Fate.UNCHANGED, "it is blocked")]


def test_what_changed_meanwhile_is_not_imported() -> None:
    text = file(f"{ADA},04A1", f"{ADA},04A2")
    mark = preview(text).mark
    administration.add_card(ADA, "04A1", **WHO)
    with pytest.raises(Outdated):
        import_cards(text, mark, **WHO)
    with pytest.raises(Outdated):
        import_cards(file(f"{ADA},04A3"), mark, **WHO)  # nor another text than was shown
    assert ("04A2", ADA) not in cards()
    import_cards(text, preview(text).mark, **WHO)
    assert ("04A2", ADA) in cards()


def test_two_imports_at_once_add_each_card_once() -> None:
    text = file(*(f"{ADA},C-{number}" for number in range(20)))
    mark = preview(text).mark
    outcomes: list[str] = []

    def take() -> None:
        try:
            outcomes.append(import_cards(text, mark, **WHO).sentence)
        except Outdated:
            outcomes.append("outdated")

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("Cards: 20 added, 0 changed, 0 unchanged.") == 1
    assert len(outcomes) == 3
    assert len(cards()) == 22
    assert len(audit()) == 20


@pytest.mark.parametrize("text", ["", "email,id_tag\n", "x" * (MAX_FILE + 1)])
def test_no_file_of_cards(text: str) -> None:
    with pytest.raises(Refused):
        preview(text)


def test_formula_and_markup_are_text() -> None:
    import_cards(file(f'{ADA},"=HYPERLINK(1)"', f"{ADA},<b>x</b>"), None, **WHO)
    assert [id_tag for id_tag, _ in cards()[2:]] == ["=HYPERLINK(1)", "<B>X</B>"]
