"""The changes that people ask for: each with its audit row, and each refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis
from argon2 import PasswordHasher

from polaris import administration
from polaris.administration import AlreadySo, Refused, passwords
from polaris.domain.enums import AccountStatus, CardStatus, Role
from polaris.domain.sign_ins import Lifetime, Lifetimes
from polaris.models import Account, AuditEntry, EvCard, SignIn, Site, Tariff
from polaris.pubsub import Publisher
from tests.support.cast import PASSWORD, Cast
from tests.support.wait import WITHIN_S, quickest_s

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LIFETIMES = Lifetimes(*[Lifetime(timedelta(days=30), timedelta(days=14))] * 2)
WHO = {"actor": "olga@example.com", "now": NOW}


def audit() -> list[tuple[str, str]]:
    return [(entry.action, entry.target) for entry in AuditEntry.select().order_by(AuditEntry.id)]


@pytest.mark.both_databases
def test_account_added_in_lower_case(database: None) -> None:
    account_id = administration.add_account("Ada@Example.com", PASSWORD, Role.DRIVER, **WHO)

    account = Account.get_by_id(account_id)
    assert (account.email, account.role, account.status) == ("ada@example.com", "driver", "active")
    assert account.created_at == NOW
    assert account.password_hash.startswith("$argon2id$")
    assert audit() == [("account.added", "ada@example.com")]
    with pytest.raises(Refused, match=r"There is an account ada@example\.com already"):
        administration.add_account("ADA@example.com", PASSWORD, Role.OPERATOR, **WHO)
    assert len(audit()) == 1


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example.com\0", "x" * 300]
)
def test_invalid_address_refused(database: None, email: str) -> None:
    with pytest.raises(Refused, match="is not an e-mail address"):
        administration.add_account(email, PASSWORD, Role.DRIVER, **WHO)


@pytest.mark.parametrize("password", ["", "eleven-char", "x" * 129])
def test_password_length_refused(database: None, publisher: Publisher, password: str) -> None:
    with pytest.raises(Refused, match="12 to 128"):
        administration.add_account("ada@example.com", password, Role.DRIVER, **WHO)
    with pytest.raises(Refused, match="12 to 128"):
        administration.set_password(publisher, "ada@example.com", password, **WHO)


def test_status_change_audited_and_published(cast: Cast, publisher: Publisher, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as listener, listener.pubsub() as channel:
        channel.subscribe(f"account:{cast.ada.id}")
        assert channel.get_message(timeout=WITHIN_S) is not None  # it is listened to
        administration.set_account_status(publisher, cast.ada.email, AccountStatus.SUSPENDED, **WHO)
        message = channel.get_message(timeout=WITHIN_S)

    assert Account.get_by_id(cast.ada.id).status == "suspended"
    assert message is not None
    assert json.loads(message["data"]) == {"type": "account.changed", "data": {"account": cast.ada.id}}
    entry = AuditEntry.get(AuditEntry.action == "account.status_changed")
    assert (entry.actor, entry.target, entry.detail) == ("olga@example.com", cast.ada.email, "active to suspended")


def test_unchanged_status_not_audited(cast: Cast, publisher: Publisher) -> None:
    before = audit()
    administration.set_account_status(publisher, cast.ada.email, AccountStatus.ACTIVE, **WHO)
    assert audit() == before


@pytest.mark.both_databases
def test_new_password_ends_every_sign_in(cast: Cast, publisher: Publisher) -> None:
    device = administration.sign_in(cast.ada.email, PASSWORD, "a browser", now=NOW)
    assert device is not None

    administration.set_password(publisher, cast.ada.email, "another password", **WHO)

    assert administration.signed_in(device.sign_in_id, LIFETIMES, now=NOW) is None
    assert administration.sign_in(cast.ada.email, PASSWORD, "", now=NOW) is None
    assert administration.sign_in(cast.ada.email, "another password", "", now=NOW) is not None
    assert ("account.password_changed", cast.ada.email) in audit()


def test_password_normalised(cast: Cast, publisher: Publisher) -> None:
    administration.set_password(publisher, cast.ada.email, "Zu\u0308ndschl\u00fcssel", **WHO)

    assert administration.sign_in(cast.ada.email, "Z\u00fcndschlu\u0308ssel", "", now=NOW) is not None


def test_old_hash_replaced_at_sign_in(cast: Cast) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    Account.update(password_hash=old).where(Account.id == cast.ada.id).execute()

    assert administration.sign_in(cast.ada.email, PASSWORD, "", now=NOW) is not None

    new = Account.get_by_id(cast.ada.id).password_hash
    assert new != old
    assert not passwords.is_outdated(new)
    assert administration.sign_in(cast.ada.email, PASSWORD, "", now=NOW) is not None


@pytest.mark.both_databases
def test_unusable_sign_ins_forgotten(cast: Cast) -> None:
    for days in (0, 200, 500):
        administration.sign_in(cast.ada.email, PASSWORD, "", now=NOW + timedelta(days=days))

    assert SignIn.select().count() == 2


def test_device_belongs_to_its_account(cast: Cast, publisher: Publisher) -> None:
    device = administration.sign_in(cast.ada.email, PASSWORD, "a browser", now=NOW)
    assert device is not None

    assert not administration.sign_out(publisher, cast.ben.id, device.sign_in_id, **WHO)
    assert administration.signed_in(device.sign_in_id, LIFETIMES, now=NOW) == device
    assert administration.sign_out(publisher, cast.ada.id, device.sign_in_id, **WHO)
    assert administration.signed_in(device.sign_in_id, LIFETIMES, now=NOW) is None
    assert not administration.sign_out(publisher, cast.ada.id, device.sign_in_id, **WHO)


def test_changes_while_redis_is_down(database: None, cast: Cast) -> None:
    def change_twice() -> None:
        for status in (AccountStatus.STOPPED, AccountStatus.ACTIVE):
            nowhere = Publisher("redis://127.0.0.1:1/0")
            administration.set_account_status(nowhere, cast.ada.email, status, **WHO)
            nowhere.close()
            assert Account.get_by_id(cast.ada.id).status == status

    assert quickest_s(change_twice) < 3


@pytest.mark.both_databases
def test_card_added_once_in_any_case(cast: Cast) -> None:
    administration.add_card(cast.ada.email, " tag-7f ", **WHO)

    card = EvCard.get(EvCard.id_tag == "TAG-7F")
    assert (card.account_id, card.status) == (cast.ada.id, CardStatus.ACTIVE)
    with pytest.raises(Refused, match="There is a card TAG-7F already"):
        administration.add_card(cast.ben.email, "Tag-7F", **WHO)
    with pytest.raises(Refused, match=r"There is no account eve@example\.com"):
        administration.add_card("eve@example.com", "TAG-8", **WHO)


@pytest.mark.parametrize("id_tag", ["", " ", "x" * 256, "a\tb", "a\0b", "\0"])
def test_unsendable_id_tag_refused(cast: Cast, id_tag: str) -> None:
    with pytest.raises(Refused, match="1 to 255 characters"):
        administration.add_card(cast.ada.email, id_tag, **WHO)


def test_card_blocked(cast: Cast) -> None:
    administration.block_card(cast.ada.id_tag.lower(), **WHO)
    administration.block_card(cast.ada.id_tag, **WHO)

    assert EvCard.get(EvCard.id_tag == cast.ada.id_tag).status == CardStatus.BLOCKED
    assert audit().count(("card.blocked", cast.ada.id_tag)) == 1
    assert AuditEntry.get(AuditEntry.action == "card.blocked").detail == cast.ada.email
    with pytest.raises(Refused, match="There is no card NONE"):
        administration.block_card("none", **WHO)


@pytest.mark.both_databases
def test_tariff_version_in_site_currency(database: None) -> None:
    administration.set_site("Main", currency="chf", **WHO)
    for price in ("0.39", "0.41"):
        administration.set_tariff("Main", per_kwh=Decimal(price), tax_percent=Decimal("8.1"), **WHO)

    versions = [(t.currency, t.per_kwh, t.tax_percent, t.valid_from_at) for t in Tariff.select().order_by(Tariff.id)]
    assert versions == [
        ("CHF", Decimal("0.39"), Decimal("8.1"), NOW),
        ("CHF", Decimal("0.41"), Decimal("8.1"), NOW),
    ]
    assert audit() == [("site.changed", "Main"), ("tariff.set", "Main"), ("tariff.set", "Main")]
    said = [entry.detail for entry in AuditEntry.select().order_by(AuditEntry.id)][1:]
    assert said == ["Price of a kWh: 0.39 CHF, Tax: 8.1 %, Currency: CHF", "Price of a kWh: 0.39 CHF to 0.41 CHF"]


@pytest.mark.parametrize("price", ["-0.01", "NaN", "Infinity", "100000.01", "0.0000001"])
@pytest.mark.parametrize("field", ["per_kwh", "per_minute", "per_session"])
def test_price_out_of_bounds_refused(database: None, field: str, price: str) -> None:
    prices: dict[str, Any] = {"per_kwh": Decimal(1), field: Decimal(price)}
    with pytest.raises(Refused, match="is not a number from 0 to 100000"):
        administration.set_tariff("Main", **prices, **WHO)


def test_tax_and_unknown_site_refused(database: None) -> None:
    with pytest.raises(Refused, match="from 0 to 100 with"):
        administration.set_tariff("Main", per_kwh=Decimal(1), tax_percent=Decimal(101), **WHO)
    with pytest.raises(Refused, match="There is no site Nowhere"):
        administration.set_tariff("Nowhere", per_kwh=Decimal(1), **WHO)


@pytest.mark.both_databases
def test_site_added_and_changed(database: None) -> None:
    made = administration.set_site("Harbour", **WHO)
    assert (made.is_new, made.time_zone, made.currency) == (True, "UTC", "EUR")

    changed = administration.set_site("Harbour", time_zone="Europe/Berlin", **WHO)
    assert (changed.is_new, changed.time_zone, changed.currency) == (False, "Europe/Berlin", "EUR")

    administration.set_site("Harbour", **WHO)
    assert audit() == [("site.added", "Harbour"), ("site.changed", "Harbour")]
    assert Site.get(Site.name == "Harbour").time_zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda: administration.set_site("Main", time_zone="Mars/Olympus", **WHO), "no time zone Mars/Olympus"),
        (lambda: administration.set_site("Main", time_zone="../etc/passwd", **WHO), "no time zone"),
        (lambda: administration.set_site("Main", currency="EURO", **WHO), "no currency EURO"),
        (lambda: administration.set_site("Main", currency="€€€", **WHO), "no currency"),
        (lambda: administration.set_site("Main", currency="XXX", **WHO), "no currency"),
        (lambda: administration.set_site("Main", currency="XAU", **WHO), "no currency"),
        (lambda: administration.set_site("Main", time_zone="Factory", **WHO), "no time zone"),
        (lambda: administration.set_site("Main", time_zone="localtime", **WHO), "no time zone"),
        (lambda: administration.set_site("", **WHO), "A name has"),
    ],
)
def test_invalid_site_refused(database: None, change: Callable[[], object], words: str) -> None:
    with pytest.raises(Refused, match=words):
        change()
    assert audit() == []


@pytest.mark.both_databases
def test_windows_keep_the_zone_of_their_time(database: None) -> None:
    asked: dict[str, Any] = {"per_kwh": Decimal(1), "windows": ["Mon-Fri 07:00-20:00 2 per kWh"]}
    administration.set_site("Main", time_zone="Europe/Berlin", **WHO)
    administration.set_tariff("Main", **asked, **WHO)
    with pytest.raises(AlreadySo):
        administration.set_tariff("Main", **asked, **WHO)
    administration.set_site("Main", time_zone="Asia/Tokyo", **WHO)
    administration.set_tariff("Main", **asked, **WHO)
    schedules = [version.prices().schedule for version in Tariff.select().order_by(Tariff.id)]
    assert [schedule and schedule.zone for schedule in schedules] == ["Europe/Berlin", "Asia/Tokyo"]


@pytest.mark.parametrize(
    "asked",
    [
        {"windows": ["Mon 07:00-20:00 100001 per kWh"]},
        {"windows": ["Mon 07:00-20:00 1 per kWh, 100001 per minute"]},
        {"idle_per_minute": Decimal("0.0000001")},
        {"idle_grace_min": -1},
    ],
)
def test_windows_out_of_bounds_refused(database: None, asked: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"is not a number"):
        administration.set_tariff("Main", per_kwh=Decimal(1), **asked, **WHO)
