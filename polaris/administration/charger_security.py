"""Who of the chargers may connect, and with what: refused handshakes accepted, keys rotated, profiles set.

A key that was offered is bound by its hash: nobody here ever knows the key itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from polaris import charger_keys
from polaris.administration.audit import Refused, checked_name, record
from polaris.administration.chargers import MAIN_SITE, PROFILES_WITH_KEY, checked_identity
from polaris.administration.sites import find_site
from polaris.models import Charger, UnrecognisedCharger, blocking, database, locked


@dataclass(frozen=True, slots=True)
class RefusedCharger:
    """Refused handshakes of one identity from one address."""

    identity: str
    address: str
    offered: str
    has_key: bool  # one that can be bound
    profile: int | None  # of the charger that has this identity; None where there is none
    times: int
    first_at: datetime
    last_at: datetime


@blocking
def unrecognised() -> list[RefusedCharger]:
    """The refused handshakes, the latest first."""
    rows = list(UnrecognisedCharger.select().order_by(UnrecognisedCharger.last_at.desc(), UnrecognisedCharger.id))
    names = {row.identity for row in rows}
    known = {
        charger.identity: charger.security_profile for charger in Charger.select().where(Charger.identity.in_(names))
    }
    return [
        RefusedCharger(
            row.identity,
            row.address,
            row.offered,
            bool(row.key_hash),
            known.get(row.identity),
            row.times,
            row.first_at,
            row.last_at,
        )
        for row in rows
    ]


@blocking
def accept(
    key_secrets: Mapping[int, bytes],
    identity: str,
    *,
    name: str = "",
    site: str = MAIN_SITE,
    address: str | None = None,
    is_new_key: bool = False,
    actor: str,
    now: datetime,
) -> str:
    """Let a refused charger in, new or known, with the key it last offered from `address`.

    Return the key where a new one was asked for, else "". Where it knocks from several addresses, one must be named:
    anybody can knock in a charger's name.
    """
    with database.atomic():
        row = _row(identity, address)
        if not is_new_key and not row.key_hash:
            raise Refused(
                f"From {row.address} {identity} offered no key that can be bound. Give it one with --new-key."
            )
        key = charger_keys.new() if is_new_key else ""
        hashed = charger_keys.hashed(key_secrets, identity, key.encode()) if key else (row.key_hash, row.key_version)
        is_new = _bind(identity, name, site, *hashed)
        UnrecognisedCharger.delete().where(UnrecognisedCharger.identity == identity).execute()
        detail = "with a new key" if key else f"with the key offered from {row.address} until {row.last_at.isoformat()}"
        record(actor, "charger.accepted" if is_new else "charger.key_replaced", identity, now, detail)
    return key


@blocking
def rotate_key(key_secrets: Mapping[int, bytes], identity: str, *, actor: str, now: datetime) -> str:
    """Make a new key, and return it. Both are good until the charger has come with the new one."""
    with database.atomic():
        charger = _charger(identity)
        _refuse_without_key(charger)
        key = charger_keys.new()
        charger.next_key_hash, charger.next_key_version = charger_keys.hashed(key_secrets, identity, key.encode())
        charger.save()
        record(actor, "charger.key_rotated", identity, now)
    return key


@blocking
def set_security_profile(identity: str, profile: int, *, actor: str, now: datetime) -> None:
    """Set the least that a charger may come with. Raise `Refused` where it has no key and would need one."""
    with database.atomic():
        charger = _charger(identity)
        if profile in PROFILES_WITH_KEY and not charger.key_hash:
            raise Refused(f"{identity} has no key. Let it knock and accept it, which gives it one.")
        before, charger.security_profile = charger.security_profile, profile
        charger.save()
        record(actor, "charger.profile_set", identity, now, f"{before} to {profile}")


def _row(identity: str, address: str | None) -> Any:
    where = [UnrecognisedCharger.identity == identity]
    if address is not None:
        where.append(UnrecognisedCharger.address == address)
    rows = list(UnrecognisedCharger.select().where(*where))
    if not rows:
        raise Refused(f"{identity} has not knocked{'' if address is None else f' from {address}'}.")
    if len(rows) > 1:
        addresses = ", ".join(sorted(row.address or "(unknown)" for row in rows))
        raise Refused(f"{identity} knocks from {addresses}. Say which one with --from.")
    return rows[0]


def _bind(identity: str, name: str, site: str, key_hash: str, key_version: int) -> bool:
    """Give the charger its key; return whether it is new."""
    charger = locked(Charger.select().where(Charger.identity == identity)).first()
    if charger is None:
        values = {"name": checked_name(name or checked_identity(identity)), "site": find_site(site)}
        Charger.create(identity=identity, key_hash=key_hash, key_version=key_version, **values)
        return True
    _refuse_without_key(charger)
    charger.key_hash, charger.key_version = key_hash, key_version
    charger.next_key_hash = charger.next_key_version = None
    if name:
        charger.name = checked_name(name)
    charger.save()
    return False


def _refuse_without_key(charger: Charger) -> None:
    if charger.security_profile not in PROFILES_WITH_KEY:
        raise Refused(f"{charger.identity} has security profile {charger.security_profile}, which knows no key.")


def _charger(identity: str) -> Any:
    charger = locked(Charger.select().where(Charger.identity == identity)).first()
    if charger is None:
        raise Refused(f"There is no charger {identity}.")
    return charger
