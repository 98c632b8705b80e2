"""Chargers and their keys. A key is returned once, when it is made, and kept only as its hash."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from peewee import IntegrityError, fn

from polaris import charger_keys
from polaris.administration.audit import Refused, checked_name, record
from polaris.administration.sites import find_site
from polaris.domain import connectors, meter_keys
from polaris.domain.identities import ALLOWED, is_identity, spellings_of
from polaris.domain.limits import MAX_POWER_W, MIN_POWER_W
from polaris.domain.sentences import Sentence, say, say_count, together
from polaris.models import Charger, Site, blocking, database, locked
from polaris.pubsub import Announcer, meter_keys_changed

MAIN_SITE = "Main"
MAX_NAMED_LINES = 20  # of a file: who reads more of them mends the file first
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

    Raise `Refused` naming each line that is wrong.
    """
    added, problems = [], []
    with database.atomic():
        site_row = find_site(site)
        for number, cells in _rows(lines):
            try:
                if len(cells) != len(COLUMNS):
                    raise Refused(say("%(count)s columns are needed.", count=len(COLUMNS)))
                identity, name, key = cells
                charger = _checked(identity, name, key)
                with database.atomic():  # PostgreSQL goes on after a row that was refused
                    _insert(charger, site_row, key_secrets, actor, now)
                added.append(charger)
            except Refused as refused:
                problems.append(say("Line %(number)s: %(problem)s", number=number, problem=refused.sentence))
        if problems:
            left_out = len(problems) - MAX_NAMED_LINES
            more = [] if left_out <= 0 else [_more(left_out)]
            raise Refused(together(*problems[:MAX_NAMED_LINES], *more, say("No charger was added.")))
    return added


def _more(count: int) -> Sentence:
    return say_count("%(num)s more line is wrong.", "%(num)s more lines are wrong.", count)


@blocking
def set_fallback(identity: str, protocol: str, *, actor: str, now: datetime) -> int:
    """Set the OCPP version for a charger that offers none that Polaris supports, "" for none; return its id."""
    return _change(identity, "charger.fallback_set", "fallback_protocol", protocol, actor=actor, now=now)


@blocking
def set_energy_unit(identity: str, unit: str, *, actor: str, now: datetime) -> int:
    """Set the unit ("Wh", "kWh") of a charger's energies, "" for what it labels them; return its id."""
    return _change(identity, "charger.unit_set", "energy_unit", unit, actor=actor, now=now)


def set_meter_keys(publisher: Announcer, identity: str, keys: Sequence[str], *, actor: str, now: datetime) -> list[str]:
    """Set the public keys of a charger's meters, replacing those it had; return their fingerprints."""
    try:
        lines = meter_keys.checked(keys)
    except meter_keys.InvalidKey as invalid:
        raise Refused(invalid.sentence) from None
    publisher.announce(meter_keys_changed(_set_meter_keys(identity, lines, actor, now)))
    return meter_keys.fingerprints(lines)


@blocking
def _set_meter_keys(identity: str, lines: str, actor: str, now: datetime) -> int:
    with database.atomic():
        charger = find_charger(identity)
        if charger.meter_public_key != lines:
            Charger.update(meter_public_key=lines).where(Charger.id == charger.id).execute()
            before, after = map(_fingerprints, (charger.meter_public_key, lines))
            record(actor, "charger.meter_keys_set", charger.identity, now, f"{before} to {after}")
    return int(charger.id)


def _fingerprints(lines: str) -> str:
    return ", ".join(meter_keys.fingerprints(lines)) or "none"


@blocking
def set_name(identity: str, name: str, *, actor: str, now: datetime) -> int:
    """Set what drivers read as a charger's name; return its id."""
    return _change(identity, "charger.renamed", "name", checked_name(name), actor=actor, now=now)


@blocking
def set_site_of(identity: str, site: str, *, actor: str, now: datetime) -> int:
    """Move a charger to another site; return its id. Sessions that have begun keep their tariff."""
    with database.atomic():
        charger = find_charger(identity)
        row = find_site(site)
        if charger.site_id != row.id:
            Charger.update(site=row).where(Charger.id == charger.id).execute()
            record(actor, "charger.moved", charger.identity, now, f"{charger.site.name} to {row.name}")
    return int(charger.id)


def find_charger(identity: str) -> Charger:
    """Return a charger, locked, in the caller's transaction. Raise `Refused` if there is none."""
    charger: Charger | None = locked(Charger.select().where(Charger.identity == identity.replace("\0", ""))).first()
    if charger is None:
        raise Refused(say("There is no charger %(identity)s.", identity=identity))
    return charger


@blocking
def set_max_power(identity: str, power_kw: Decimal | None, *, actor: str, now: datetime) -> int:
    """Set the greatest power of each of a charger's connectors; None if it is not known. Return the charger's id."""
    power_w = None
    if power_kw is not None:
        bounds = Decimal(MIN_POWER_W) / 1000, Decimal(MAX_POWER_W) / 1000
        if not power_kw.is_finite() or not bounds[0] <= power_kw <= bounds[1]:  # no product of it, which may overflow
            raise Refused(
                say(
                    "A connector delivers at most %(low)s to %(high)s kW.",
                    low=MIN_POWER_W // 1000,
                    high=MAX_POWER_W // 1000,
                )
            )
        power_w = round(power_kw * 1000)
    return _change(identity, "charger.power_set", "max_power_w", power_w, actor=actor, now=now, unit=" W")


@blocking
def set_max_connectors(identity: str, number: int | None, *, actor: str, now: datetime) -> int:
    """Set the highest number of a charger's connectors (OCPP 2.x: EVSEs), None for the usual one; return its id."""
    if number is not None and not 1 <= number <= connectors.MAX_SETTABLE:
        raise Refused(say("A charger has 1 to %(max_settable)s connectors.", max_settable=connectors.MAX_SETTABLE))
    return _change(identity, "charger.connectors_set", "max_connectors", number, actor=actor, now=now)


@blocking
def set_pings(identity: str, *, is_pinged: bool, actor: str, now: datetime) -> int:
    """Ping a charger that is silent or, if it never answers pings, wait longer for what it sends; return its id."""
    with database.atomic():
        charger_id = _change(identity, "charger.pings_set", "is_pinged", is_pinged, actor=actor, now=now)
        Charger.update(unanswered_pings=0).where(Charger.id == charger_id).execute()
    return charger_id


def _change(
    identity: str, action: str, column: str, value: object, *, actor: str, now: datetime, unit: str = ""
) -> int:
    """Change a column of a charger, and return its id. The audit row says what was and what is."""
    with database.atomic():
        charger = find_charger(identity)
        before = getattr(charger, column)
        if before != value:
            Charger.update({column: value}).where(Charger.id == charger.id).execute()
            record(actor, action, charger.identity, now, f"{_words(before, unit)} to {_words(value, unit)}")
    charger_id: int = charger.id
    return charger_id


def _words(value: object, unit: str) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value}{unit}"


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line below the first. Raise `Refused` if it is no such file."""
    first, *others = [*lines] or [""]
    delimiter = "," if "," in first else ";"  # which spreadsheets write in countries with a decimal comma
    reader = csv.reader([first, *others], strict=True, delimiter=delimiter)
    try:
        if [cell.strip() for cell in next(reader, [])] != COLUMNS:
            raise Refused(say("Line 1: the first line must be %(columns)s.", columns=",".join(COLUMNS)))
        for row in reader:
            if row:
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise Refused(say("Line %(number)s: not CSV: %(error)s.", number=reader.line_num, error=str(error))) from None


def checked_identity(identity: str) -> str:
    """Return an identity that a path and HTTP Basic can carry. Raise `Refused` for any other."""
    if not is_identity(identity):
        raise Refused(ALLOWED)
    return identity


def refuse_other_case(identity: str) -> None:
    """Refuse a new charger whose identity differs from another's in case alone: lists and handshakes would mix them."""
    is_same = fn.LOWER(Charger.identity).in_(spellings_of([identity]))
    other = Charger.select(Charger.identity).where(is_same, Charger.identity != identity).first()
    if other is not None:
        raise Refused(
            say(
                "There is a charger %(identity)s already, whose identity differs in case alone.",
                identity=other.identity,
            ),
            "identity",
        )


def _checked(identity: str, name: str, key: str, profile: int = 1) -> NewCharger:
    checked_identity(identity)
    if key and not _KEY.fullmatch(key):
        raise Refused(
            say(
                "A key has %(min_length)s to %(max_length)s ASCII characters without spaces.",
                min_length=charger_keys.MIN_LENGTH,
                max_length=charger_keys.MAX_LENGTH,
            )
        )
    new_key = charger_keys.new() if profile in charger_keys.PROFILES_WITH_KEY and not key else ""
    return NewCharger(
        identity, checked_name(name or identity), key or new_key, is_key_made=bool(new_key), profile=profile
    )


def _insert(charger: NewCharger, site: Site, key_secrets: Mapping[int, bytes], actor: str, now: datetime) -> None:
    key_hash, key_version = ("", 0)
    if charger.key:
        key_hash, key_version = charger_keys.hashed(key_secrets, charger.identity, charger.key.encode())
    refuse_other_case(charger.identity)
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
        raise Refused(say("There is a charger %(identity)s already.", identity=charger.identity)) from None
    detail = f"{charger.name} at {site.name}, security profile {charger.profile}"
    record(actor, "charger.added", charger.identity, now, detail)
