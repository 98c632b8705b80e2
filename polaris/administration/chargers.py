"""Chargers and their keys. A key is returned once, when it is made, and kept only as its hash."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from peewee import IntegrityError

from polaris import charger_keys
from polaris.administration.audit import Refused, checked_name, record
from polaris.administration.sites import find_site
from polaris.domain import connectors, meter_keys
from polaris.domain.identities import ALLOWED, is_identity
from polaris.domain.limits import MAX_POWER_W, MIN_POWER_W
from polaris.models import Charger, Site, blocking, database
from polaris.pubsub import Publisher, meter_keys_changed

MAIN_SITE = "Main"
COLUMNS = ["identity", "name", "password"]

_KEY = re.compile(rf"[!-~]{{{charger_keys.MIN_LENGTH},{charger_keys.MAX_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class NewCharger:
    identity: str
    name: str
    key: str
    is_key_made: bool  # random, so the person has to be shown it
    profile: int = 1  # OCPP's security profile


@blocking
def add_charger(
    key_secrets: Mapping[int, bytes],
    identity: str,
    *,
    name: str = "",
    site: str = MAIN_SITE,
    key: str = "",
    profile: int = 1,
    actor: str,
    now: datetime,
) -> NewCharger:
    """Add a charger with the given key, else a random one; a profile without keys gets none."""
    charger = _checked(identity, name, key, profile)
    with database.atomic():
        _insert(charger, find_site(site), key_secrets, actor, now)
    return charger


@blocking
def import_chargers(
    key_secrets: Mapping[int, bytes], lines: Iterable[str], *, site: str = MAIN_SITE, actor: str, now: datetime
) -> list[NewCharger]:
    """Add all chargers of a CSV file (identity,name,password), or none; an empty password means a random key.

    Raise `Refused` naming the line.
    """
    added = []
    with database.atomic():
        site_row = find_site(site)
        for number, row in _rows(lines):
            try:
                charger = _checked(row["identity"], row["name"], row["password"])
                _insert(charger, site_row, key_secrets, actor, now)
            except Refused as refused:
                raise Refused(f"Line {number}: {refused} No charger was added.") from None
            added.append(charger)
    return added


@blocking
def set_fallback(identity: str, protocol: str, *, actor: str, now: datetime) -> None:
    """Set the OCPP version for a charger that offers none that Polaris supports; "" for none."""
    _change(identity, "charger.fallback_set", protocol, actor, now, fallback_protocol=protocol)


@blocking
def set_energy_unit(identity: str, unit: str, *, actor: str, now: datetime) -> None:
    """Set the unit ("Wh", "kWh") of a charger's energies, whatever it labels them; "" trusts its labels."""
    _change(identity, "charger.unit_set", unit, actor, now, energy_unit=unit)


def set_meter_keys(publisher: Publisher, identity: str, keys: Sequence[str], *, actor: str, now: datetime) -> list[str]:
    """Set the public keys of a charger's meters, replacing those it had; return their fingerprints."""
    try:
        lines = meter_keys.checked(keys)
    except meter_keys.InvalidKey as invalid:
        raise Refused(str(invalid)) from None
    fingerprints = meter_keys.fingerprints(lines)
    publisher.announce(meter_keys_changed(_set_meter_keys(identity, lines, ", ".join(fingerprints), actor, now)))
    return fingerprints


@blocking
def _set_meter_keys(identity: str, lines: str, detail: str, actor: str, now: datetime) -> int:
    _change(identity, "charger.meter_keys_set", detail, actor, now, meter_public_key=lines)
    charger_id: int = Charger.get(Charger.identity == identity.replace("\0", "")).id
    return charger_id


@blocking
def set_max_power(identity: str, power_kw: Decimal | None, *, actor: str, now: datetime) -> None:
    """Set the greatest power of each of a charger's connectors; None if it is not known."""
    power_w = None
    if power_kw is not None:
        if not power_kw.is_finite() or not MIN_POWER_W <= power_kw * 1000 <= MAX_POWER_W:
            raise Refused(f"A connector delivers at most {MIN_POWER_W // 1000} to {MAX_POWER_W // 1000} kW.")
        power_w = round(power_kw * 1000)
    _change(identity, "charger.power_set", "" if power_w is None else f"{power_w} W", actor, now, max_power_w=power_w)


@blocking
def set_max_connectors(identity: str, number: int | None, *, actor: str, now: datetime) -> None:
    """Set the highest number that a charger's connectors (OCPP 2.x: EVSEs) may have; None for the usual one."""
    if number is not None and not 1 <= number <= connectors.MAX_SETTABLE:
        raise Refused(f"A charger has 1 to {connectors.MAX_SETTABLE} connectors.")
    _change(identity, "charger.connectors_set", str(number or ""), actor, now, max_connectors=number)


@blocking
def set_pings(identity: str, *, is_pinged: bool, actor: str, now: datetime) -> None:
    """Ping a charger that is silent or, if it never answers pings, wait longer for what it sends."""
    detail = "on" if is_pinged else "off"
    _change(identity, "charger.pings_set", detail, actor, now, is_pinged=is_pinged, unanswered_pings=0)


def _change(identity: str, action: str, detail: str, actor: str, now: datetime, **values: object) -> None:
    with database.atomic():
        if not Charger.update(**values).where(Charger.identity == identity.replace("\0", "")).execute():
            raise Refused(f"There is no charger {identity}.")
        record(actor, action, identity, now, detail)


def _rows(lines: Iterable[str]) -> Iterable[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(lines, strict=True)
    try:
        if reader.fieldnames is None or [field.strip() for field in reader.fieldnames] != COLUMNS:
            raise Refused(f"Line 1: the first line must be {','.join(COLUMNS)}.")
        reader.fieldnames = COLUMNS
        for row in reader:
            if None in row or None in row.values():
                raise Refused(f"Line {reader.line_num}: {len(COLUMNS)} columns are needed. No charger was added.")
            yield reader.line_num, {column: value.strip() for column, value in row.items()}
    except csv.Error as error:
        raise Refused(f"Line {reader.reader.line_num}: not CSV: {error}.") from None


def checked_identity(identity: str) -> str:
    """Return an identity that a path and HTTP Basic can carry. Raise `Refused` for any other."""
    if not is_identity(identity):
        raise Refused(ALLOWED)
    return identity


def _checked(identity: str, name: str, key: str, profile: int = 1) -> NewCharger:
    checked_identity(identity)
    if key and not _KEY.fullmatch(key):
        raise Refused(
            f"A key has {charger_keys.MIN_LENGTH} to {charger_keys.MAX_LENGTH} ASCII characters without spaces."
        )
    new_key = charger_keys.new() if profile in charger_keys.PROFILES_WITH_KEY and not key else ""
    return NewCharger(
        identity, checked_name(name or identity), key or new_key, is_key_made=bool(new_key), profile=profile
    )


def _insert(charger: NewCharger, site: Site, key_secrets: Mapping[int, bytes], actor: str, now: datetime) -> None:
    key_hash, key_version = ("", 0)
    if charger.key:
        key_hash, key_version = charger_keys.hashed(key_secrets, charger.identity, charger.key.encode())
    try:
        Charger.create(
            identity=charger.identity,
            name=charger.name,
            site=site,
            key_hash=key_hash,
            key_version=key_version,
            security_profile=charger.profile,
        )
    except IntegrityError:
        raise Refused(f"There is a charger {charger.identity} already.") from None
    detail = charger.name if charger.profile == 1 else f"{charger.name}, security profile {charger.profile}"
    record(actor, "charger.added", charger.identity, now, detail)
