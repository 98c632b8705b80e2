"""Baselines of settings: kept without secrets, shared, bounded, and gone with a person whom they name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from polaris import administration, retention
from polaris.administration import Refused, baselines
from polaris.config import Config
from polaris.domain import settings
from polaris.domain.settings import Setting
from polaris.models import AuditEntry, SettingsBaseline
from polaris.verbs.verb import Notifications
from tests.support import cast as people_of

pytestmark = pytest.mark.both_databases

WHO = {"actor": "olga@example.com", "now": datetime(2026, 3, 1, 12, 0, tzinfo=UTC)}


def reported(**values: str) -> tuple[Setting, ...]:
    """Settings as they are read from what a charger answers."""
    return tuple(settings.read({"configurationKey": [{"key": key, "value": value} for key, value in values.items()]}))


def audit() -> list[tuple[str, str, str]]:
    return [(row.action, row.target, row.detail) for row in AuditEntry.select().order_by(AuditEntry.id)]


def test_kept_once(database: None) -> None:
    for _ in range(2):  # a second press
        administration.save_baseline(" Good ", "depot-7", reported(Interval="60", Url="<b>\u2028"), **WHO)
    (kept,) = administration.saved_baselines()
    assert (kept.name, kept.identity, kept.count, kept.saved_at) == ("Good", "depot-7", 2, WHO["now"])
    assert administration.baseline_settings("Good") == reported(Interval="60", Url="<b>\u2028")
    assert administration.baseline_settings("good\0") is None
    administration.delete_baseline(" Good ", **WHO)
    assert administration.saved_baselines() == ()
    assert audit() == [
        ("baseline.saved", "Good", "2 settings of depot-7"),
        ("baseline.deleted", "Good", "2 settings of depot-7, saved 2026-03-01 12:00 UTC"),
    ]


def test_secrets_are_not_kept(database: None) -> None:
    secrets = reported(AuthorizationKey="a-secret", WifiPassword="a-secret", Backend="wss://me:a-secret@host/ocpp")
    administration.save_baseline("Good", "depot-7", secrets, **WHO)
    assert "a-secret" not in SettingsBaseline.get().settings


def test_five_thousand_settings(database: None) -> None:
    many = reported(**{f"Key{number}": "x" * 20 for number in range(5000)})
    administration.save_baseline("Good", "depot-7", many, **WHO)
    assert administration.baseline_settings("Good") == many


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("", reported(A="1"), "A name has"),
        ("x" * 41, reported(A="1"), "A name has"),
        ("a\0", reported(A="1"), "A name has"),
        ("Good", (), "has reported no settings"),
        ("Good", tuple(settings.read({"configurationKey": {"key": 7}, "reportData": [7, None]})), "no settings"),
        ("Good", reported(**{f"Key{number}": "x" * 2500 for number in range(1000)}), "too long to be kept"),
    ],
)
def test_refused(database: None, name: str, given: tuple[Setting, ...], words: str) -> None:
    with pytest.raises(Refused, match=words):
        administration.save_baseline(name, "depot-7", given, **WHO)
    assert audit() == []


def test_another_baseline_is_not_overwritten(database: None) -> None:
    administration.save_baseline("Good", "depot-7", reported(A="1"), **WHO)
    for identity, value in (("depot-7", "2"), ("depot-8", "1")):
        with pytest.raises(Refused, match="There is a baseline Good already"):
            administration.save_baseline("Good", identity, reported(A=value), **WHO)
    with pytest.raises(Refused, match="There is no baseline Other"):
        administration.delete_baseline("Other", **WHO)


def test_bounded(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "MAX_BASELINES", 2)
    for name in "ab":
        administration.save_baseline(name, "depot-7", reported(A="1"), **WHO)
    with pytest.raises(Refused, match="There are 2 baselines already"):
        administration.save_baseline("c", "depot-7", reported(A="1"), **WHO)


def test_gone_with_a_person(database: None, config: Config) -> None:
    cast = people_of.everybody(config)
    administration.save_baseline("Free", "depot-7", reported(FreeVendIdTag=cast.ada.id_tag), **WHO)
    administration.save_baseline("Good", "depot-7", reported(A="1"), **WHO)
    retention.erase(Notifications(), cast.ada.email, **WHO)
    assert [kept.name for kept in administration.saved_baselines()] == ["Good"]
