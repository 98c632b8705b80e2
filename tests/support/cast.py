"""The cast: Ada and Ben drive, Olga operates, `depot-7` is a charger. Made through the verbs that people use.

The models must be bound to the settings' database (the `database` or `app` fixture does it).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

from polaris import administration
from polaris.administration import AlreadySo, passwords
from polaris.config import Config
from polaris.domain.enums import AccountStatus, Role
from polaris.models import Account, Charger, blocking

PASSWORD = "correct horse battery"
ACTOR = "tests"


@dataclass(frozen=True)
class Person:
    """An account as one knows one's own. `id_tag` is of the card, "" for one who has none."""

    id: int
    email: str
    password: str = PASSWORD
    id_tag: str = ""


@dataclass(frozen=True)
class ChargerInfo:
    id: int
    identity: str
    key: str


@dataclass(frozen=True)
class Cast:
    ada: Person
    ben: Person
    olga: Person
    depot_7: ChargerInfo


def everybody(config: Config, suffix: str = "") -> Cast:
    """Everybody, and a tariff of 0.40 EUR per kWh before 20 % tax that has been in force since yesterday."""
    set_tariff()
    return Cast(
        ada=add_person(f"ada{suffix}@example.com", id_tag=f"ADA-1{suffix}"),
        ben=add_person(f"ben{suffix}@example.com", id_tag=f"BEN-1{suffix}"),
        olga=add_person(f"olga{suffix}@example.com", role=Role.OPERATOR),
        depot_7=add_charger(config, f"depot-7{suffix}", name="Depot 7"),
    )


def add_person(email: str, *, role: Role = Role.DRIVER, id_tag: str = "") -> Person:
    account_id = _add_account(email, role)
    if id_tag:
        administration.add_card(email, id_tag, actor=ACTOR, now=now())
    return Person(account_id, email, id_tag=id_tag)


def add_charger(config: Config, identity: str, *, name: str = "") -> ChargerInfo:
    made = administration.add_charger(config.charger_key_secrets, identity, name=name, actor=ACTOR, now=now())
    return ChargerInfo(_charger_id(identity), made.identity, made.key)


def set_tariff() -> None:
    yesterday = now() - timedelta(days=1)
    with suppress(AlreadySo):  # tests that share a world set it again
        administration.set_tariff("Main", per_kwh=Decimal("0.40"), tax_percent=Decimal(20), actor=ACTOR, now=yesterday)


@blocking
def _add_account(email: str, role: Role) -> int:
    """Everybody has the same password, so it is hashed once: that is made to take its time."""
    account_id: int = Account.create(
        email=email, role=role, status=AccountStatus.ACTIVE, password_hash=_password_hash(), created_at=now()
    ).id
    return account_id


@cache
def _password_hash() -> str:
    return passwords.hashed(PASSWORD)


@blocking
def _charger_id(identity: str) -> int:
    charger_id: int = Charger.get(Charger.identity == identity).id
    return charger_id


def now() -> datetime:
    return datetime.now(UTC)
