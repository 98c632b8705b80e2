"""Admission of chargers: accepting refused ones, keys, security profiles, blocking, retiring, disconnecting.

Whatever makes a charger's admission outdated raises `Charger.admission`. Its bridge notices by the notification, or
else within seconds, and ends the connection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import JOIN

from polaris import charger_keys
from polaris.administration.accounts import find_account
from polaris.administration.audit import AlreadySo, Refused, checked_name, last_done, record
from polaris.administration.chargers import MAIN_SITE, checked_identity, find_charger, refuse_other_case
from polaris.administration.sites import find_site
from polaris.domain.commands.interruptions import InterruptedSession
from polaris.domain.enums import ChargerStatus, SessionState
from polaris.domain.sentences import N_, say
from polaris.models import Account, Charger, ChargingSession, UnrecognisedCharger, blocking, database, locked
from polaris.models.audit import KEY_ROTATED
from polaris.pubsub import Announcer, admission_changed

_SO_ALREADY = {
    ChargerStatus.ACTIVE: N_("Charger %(identity)s is active already."),
    ChargerStatus.BLOCKED: N_("Charger %(identity)s is blocked already."),
    ChargerStatus.RETIRED: N_("Charger %(identity)s is retired already."),
}
_NOBODY = {  # by whether the charger is known, and whether an address is asked for
    (False, False): N_("%(identity)s has not knocked."),
    (False, True): N_("%(identity)s has not knocked from %(address)s."),
    (True, False): N_("There is a charger %(identity)s, and nobody has knocked as it since it was accepted."),
    (True, True): N_(
        "There is a charger %(identity)s, and nobody has knocked as it from %(address)s since it was accepted."
    ),
}


@dataclass(frozen=True, slots=True)
class RefusedCharger:
    """Refused handshakes of one identity from one address."""

    identity: str
    address: str
    path: str  # that was asked for last
    offered: str
    has_key: bool  # whether the offered key can become the charger's
    profile: int | None  # of the charger with this identity; None if there is none
    times: int
    first_at: datetime
    last_at: datetime


@blocking
def unrecognised() -> list[RefusedCharger]:
    """Return the refused handshakes, the latest first."""
    rows = list(UnrecognisedCharger.select().order_by(UnrecognisedCharger.last_at.desc(), UnrecognisedCharger.id))
    names = {row.identity for row in rows}
    profiles = {
        charger.identity: charger.security_profile for charger in Charger.select().where(Charger.identity.in_(names))
    }
    return [
        RefusedCharger(
            row.identity,
            row.address,
            row.path,
            row.offered,
            bool(row.key_hash),
            profiles.get(row.identity),
            row.times,
            row.first_at,
            row.last_at,
        )
        for row in rows
    ]


@blocking
def offered_keys(identity: str, address: str | None) -> list[tuple[str, str]]:
    """Return the addresses from which a charger was refused, or the given one, each with a mark of its latest key."""
    rows = _rows(identity, address)
    return [(row.address, hashlib.sha256(row.key_hash.encode()).hexdigest()[:8]) for row in rows if row.key_hash]


def accept(
    publisher: Announcer,
    key_secrets: Mapping[int, bytes],
    identity: str,
    *,
    name: str = "",
    site: str = "",
    address: str | None = None,
    is_new_key: bool = False,
    actor: str,
    now: datetime,
) -> str:
    """Accept a refused charger, new or existing, with the key that it last offered from `address`.

    A new one gets a name and a site: its identity and the main one, if none are given. One that is known keeps its own.

    Return the new key if one is asked for, else "". If handshakes came from several addresses, `address` must name
    one: anyone can use a charger's identity. A charger that is connected with the key it had is let go.
    """
    key = _accept(key_secrets, identity, name, site, address, is_new_key=is_new_key, actor=actor, now=now)
    _announce(publisher, identity)
    return key


@blocking
def _accept(
    key_secrets: Mapping[int, bytes],
    identity: str,
    name: str,
    site: str,
    address: str | None,
    *,
    is_new_key: bool,
    actor: str,
    now: datetime,
) -> str:
    with database.atomic():
        row = _row(identity, address)
        if not is_new_key and not row.key_hash:
            raise Refused(
                say(
                    "From %(address)s %(identity)s offered no key that can be bound. Give it a new one.",
                    address=row.address,
                    identity=identity,
                )
            )
        key = charger_keys.new() if is_new_key else ""
        hashed = charger_keys.hashed(key_secrets, identity, key.encode()) if key else (row.key_hash, row.key_version)
        is_new = _bind(identity, name, site, *hashed)
        UnrecognisedCharger.delete().where(UnrecognisedCharger.identity == identity).execute()
        detail = "with a new key" if key else f"with the key offered from {row.address} until {row.last_at.isoformat()}"
        if is_new:
            detail = f"{name.strip() or identity} at {site or MAIN_SITE}, {detail}"
        record(actor, "charger.accepted" if is_new else "charger.key_replaced", identity, now, detail)
    return key


@blocking
def rotate_key(key_secrets: Mapping[int, bytes], identity: str, *, actor: str, now: datetime) -> str:
    """Make a new key, and return it. Both keys are valid until the charger has connected with the new one."""
    with database.atomic():
        charger = find_charger(identity)
        _refuse_without_key(charger)
        key = charger_keys.new()
        charger.next_key_hash, charger.next_key_version = charger_keys.hashed(key_secrets, identity, key.encode())
        charger.save()
        record(actor, KEY_ROTATED, identity, now)
    return key


@blocking
def waiting_key(identity: str) -> str:
    """Say what new key a charger has not connected with yet; "" if there is none."""
    if find_charger(identity).next_key_hash is None:
        return ""
    made = last_done(KEY_ROTATED, identity) or say("by a command")
    return say("The new key of %(identity)s, made %(made)s", identity=identity, made=made)


def set_security_profile(publisher: Announcer, identity: str, profile: int, *, actor: str, now: datetime) -> None:
    """Set the minimum security profile of a charger, which is let go if it is raised.

    Raise `Refused` if the profile needs a key and it has none.
    """
    _set_security_profile(identity, profile, actor, now)
    _announce(publisher, identity)


def block(publisher: Announcer, identity: str, *, actor: str, now: datetime) -> None:
    """Let a charger go, and refuse it until it is unblocked. What charges at it goes on as it likes."""
    _set_status(identity, ChargerStatus.BLOCKED, "charger.blocked", actor, now)
    _announce(publisher, identity)


def unblock(publisher: Announcer, identity: str, *, actor: str, now: datetime) -> None:
    """Let a blocked or retired charger connect again."""
    _set_status(identity, ChargerStatus.ACTIVE, "charger.unblocked", actor, now)
    _announce(publisher, identity)


def retire(publisher: Announcer, identity: str, *, actor: str, now: datetime) -> None:
    """Let a charger go, and refuse it until it is unblocked. It is no longer listed; its history stays."""
    _set_status(identity, ChargerStatus.RETIRED, "charger.retired", actor, now)
    _announce(publisher, identity)


def disconnect(publisher: Announcer, identity: str, *, actor: str, now: datetime) -> bool:
    """Let a charger go once. It may connect again at once. Return whether it was online."""
    was_online = _is_online(identity, now)
    _set_status(identity, None, "charger.disconnected", actor, now)
    _announce(publisher, identity)
    return was_online


@blocking
def running_sessions(identity: str) -> list[InterruptedSession]:
    """Return the sessions that run on a charger, by their connectors. Raise `Refused` if there is no such charger."""
    running = _running(ChargingSession.charger == find_charger(identity))
    return [session for _, session in running]


@blocking
def sessions_of(email: str) -> list[str]:
    """Name an account's running sessions with their chargers. Raise `Refused` if there is no such account."""
    return _named(ChargingSession.account == find_account(email))


@blocking
def sessions_with(card_id: int) -> list[str]:
    """Name the sessions that run with a card, with their chargers."""
    return _named(ChargingSession.card == card_id)


def _named(condition: Any) -> list[str]:
    return [
        say(
            "Session %(number)s, %(charger)s connector %(connector)s",
            number=session.number,
            charger=identity,
            connector=session.connector,
        )
        for identity, session in _running(condition)
    ]


def _running(condition: Any) -> list[tuple[str, InterruptedSession]]:
    query = ChargingSession.select(ChargingSession, Account, Charger).join(Account, JOIN.LEFT_OUTER)
    rows = query.switch(ChargingSession).join(Charger).where(condition, ChargingSession.state == SessionState.ACTIVE)
    return [
        (
            row.charger.identity,
            InterruptedSession(row.number, row.connector, row.account.email if row.account else "", row.effective_wh),
        )
        for row in rows.order_by(ChargingSession.connector, ChargingSession.number)
    ]


@blocking
def is_retired(identity: str) -> bool:
    return bool(find_charger(identity).status == ChargerStatus.RETIRED)


@blocking
def _is_online(identity: str, now: datetime) -> bool:
    return find_charger(identity).is_online(now)


@blocking
def _set_status(identity: str, status: ChargerStatus | None, action: str, actor: str, now: datetime) -> None:
    with database.atomic():
        charger = find_charger(identity)
        if status is not None and charger.status == status:
            raise AlreadySo(say(_SO_ALREADY[status], identity=identity))
        if (charger.status, status) == (ChargerStatus.RETIRED, ChargerStatus.BLOCKED):
            raise Refused(
                say(
                    "Charger %(identity)s is retired, so it is refused already. Unblock it if it is to come back.",
                    identity=identity,
                )
            )
        before, charger.status = charger.status, status or charger.status
        charger.admission += 1
        charger.save(only=[Charger.status, Charger.admission])
        record(actor, action, identity, now, f"{before} to {status}" if status else "")


@blocking
def _set_security_profile(identity: str, profile: int, actor: str, now: datetime) -> None:
    with database.atomic():
        charger = find_charger(identity)
        if profile in charger_keys.PROFILES_WITH_KEY and not charger.key_hash:
            raise Refused(
                say("%(identity)s has no key. Let it knock and accept it, which gives it one.", identity=identity)
            )
        before, charger.security_profile = charger.security_profile, profile
        if before == profile:
            return
        charger.admission += before < profile
        charger.save()
        record(actor, "charger.profile_set", identity, now, f"{before} to {profile}")


def _rows(identity: str, address: str | None) -> list[UnrecognisedCharger]:
    """Return the refused handshakes, locked: no other key can be offered between its being compared and accepted.

    Raise `Refused` if there are none.
    """
    if "\0" in f"{identity}{address}":  # which nobody's has, and PostgreSQL does not look for
        raise Refused(say("%(identity)s has not knocked.", identity=identity))
    where = [UnrecognisedCharger.identity == identity]
    if address is not None:
        where.append(UnrecognisedCharger.address == address)
    rows = list(locked(UnrecognisedCharger.select().where(*where).order_by(UnrecognisedCharger.id)))
    if not rows:
        is_known = Charger.select().where(Charger.identity == identity).exists()
        raise Refused(say(_NOBODY[is_known, address is not None], identity=identity, address=address or ""))
    return rows


def _row(identity: str, address: str | None) -> UnrecognisedCharger:
    rows = _rows(identity, address)
    if len(rows) > 1:
        addresses = ", ".join(sorted(row.address or say("(unknown)") for row in rows))
        raise Refused(
            say("%(identity)s knocks from %(addresses)s. Say which one.", identity=identity, addresses=addresses)
        )
    return rows[0]


def _bind(identity: str, name: str, site: str, key_hash: str, key_version: int) -> bool:
    """Set the key of the charger, adding it if there is none; return whether it was added."""
    charger = locked(Charger.select().where(Charger.identity == identity)).first()
    if charger is None:
        refuse_other_case(identity)
        values = {"name": checked_name(name or identity), "site": find_site(site or MAIN_SITE)}
        Charger.create(identity=checked_identity(identity), key_hash=key_hash, key_version=key_version, **values)
        return True
    _refuse_without_key(charger)
    if charger.status != ChargerStatus.ACTIVE:
        raise Refused(
            say(
                "%(identity)s is %(status)s. Unblock it to let it in again.",
                identity=identity,
                status=say(charger.status),
            )
        )
    charger.key_hash, charger.key_version = key_hash, key_version
    charger.admission += 1
    charger.next_key_hash = charger.next_key_version = None
    for what, given, own in (("name", name, charger.name), ("site", site, charger.site.name)):
        if given.strip() not in ("", own):
            raise Refused(
                say(
                    "%(identity)s is known, and its %(what)s stays %(own)s. Change that on its page.",
                    identity=identity,
                    what=what,
                    own=own,
                ),
                what,
            )
    charger.save()
    return False


def _announce(publisher: Announcer, identity: str) -> None:
    """Notify the charger's bridge, after and outside of the transaction."""
    publisher.announce(admission_changed(_id_of(identity), identity))


@blocking
def _id_of(identity: str) -> int:
    return int(Charger.get(Charger.identity == identity).id)


def _refuse_without_key(charger: Charger) -> None:
    if charger.security_profile not in charger_keys.PROFILES_WITH_KEY:
        raise Refused(
            say(
                "%(identity)s has security profile %(security_profile)s, which knows no key.",
                identity=charger.identity,
                security_profile=charger.security_profile,
            )
        )
