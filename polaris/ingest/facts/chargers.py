"""Facts about chargers: connections, boots, connector states; and the leases of bridges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec.structs import asdict

from polaris import pubsub
from polaris.domain.commands import catalog
from polaris.domain.commands.values import RequestedMessage
from polaris.domain.connectors import MAX_NUMBER
from polaris.domain.data_quality import Note
from polaris.domain.enums import ChargerStatus, CommandState, EndedBy, SessionState
from polaris.domain.evidence import ASKED_FOR, EFFECTS, Effect, of_boot
from polaris.domain.facts import (
    ChargerBooted,
    ChargerClockChanged,
    ChargerConnected,
    ChargerDisconnected,
)
from polaris.domain.identities import spellings_of
from polaris.domain.limits import MAX_INT32
from polaris.ingest.facts import charger_history, data_quality, replay_cache
from polaris.ingest.sanitize import fit_line
from polaris.models import (
    Bridge,
    Bulk,
    Charger,
    ChargingSession,
    Command,
    RowQuery,
    database,
    locked,
)
from polaris.pubsub import ChangeNotification

_CONNECTED = Bulk.update(
    Charger,
    "bridge_id",
    "connection_id",
    "protocol",
    "connected_at",
    "last_contact_at",
    also="connections = charger.connections + 1",
)
_DESCRIBED = Bulk.update(Charger, "vendor", "model", "serial", "firmware", "last_contact_at")
_BOOTED = Bulk.update(Charger, "booted_at")
_RELEASED = Bulk.update(Charger, "last_contact_at", also="bridge_id = NULL, connection_id = NULL")
_TOUCHED = Bulk.update(Charger, "last_contact_at")


class ChargerKey(NamedTuple):
    """A charger as a handshake is checked against it."""

    charger_id: int
    identity: str
    key_hash: str
    key_version: int
    next_key_hash: str = ""
    next_key_version: int = 0
    security_profile: int = 1
    energy_unit: str = ""  # set by an operator; overrides the charger's own
    clock_offset_s: int = 0  # how far its clock was ahead when it was last heard
    is_pinged: bool = True
    unanswered_pings: int = 0  # connections in a row that ended for want of an answer
    status: str = ChargerStatus.ACTIVE
    admission: int = 0  # another one ends the connection that was admitted with this
    max_connectors: int = MAX_NUMBER


_BY_IDENTITY = RowQuery(
    ChargerKey,
    Charger,
    "SELECT {columns} FROM charger WHERE identity IN ({marks}) OR LOWER(identity) IN ({marks})",
    charger_id=Charger.id,
    next_key_hash="COALESCE(next_key_hash, '')",
    next_key_version="COALESCE(next_key_version, 0)",
    max_connectors=f"COALESCE(max_connectors, {MAX_NUMBER})",
)


def find(identities: Sequence[str]) -> ChargerKey | None:
    """Find the only charger with one of these identities, else with one in another spelling (`spellings_of`).

    Ten thousand handshakes may ask at once.
    """
    spellings = spellings_of(identities)
    found = _BY_IDENTITY.rows(spellings, *spellings)
    for nearer in (identities, [identity.strip() for identity in identities]):
        found = [charger for charger in found if charger.identity in nearer] or found
    return found[0] if len(found) == 1 else None


def prove_next_key(notifications: list[ChangeNotification], charger_id: int, next_key_hash: str) -> None:
    """Make the next key of a rotation the charger's only one, after a connection that used it."""
    Charger.update(
        key_hash=Charger.next_key_hash,
        key_version=Charger.next_key_version,
        next_key_hash=None,
        next_key_version=None,
    ).where(Charger.id == charger_id, Charger.next_key_hash == next_key_hash).execute()


def admissions(bridge_id: str) -> dict[int, int]:
    """Return the admission of each charger that is connected to a bridge, by its id."""
    held: Any = Charger.select(Charger.id, Charger.admission).where(Charger.bridge == bridge_id).tuples()
    return dict(held)


def fallback_protocol(charger_id: int) -> str:
    """Return the version to use if a charger offers none that Polaris supports; "" if no operator has set one."""
    charger = Charger.get_or_none(Charger.id == charger_id)
    return "" if charger is None else str(charger.fallback_protocol)


def touch(notifications: list[ChangeNotification], charger_ids: Iterable[int], now: datetime) -> None:
    """Record that these chargers were in contact."""
    ids = list(charger_ids)
    if database.obj.for_update:
        ids = _locked_ids(Charger.id.in_(ids))
    _TOUCHED.execute({"last_contact_at": now, "id": charger_id} for charger_id in ids)


def renew_lease(notifications: list[ChangeNotification], bridge_id: str, now: datetime, until: datetime) -> None:
    Bridge.insert(id=bridge_id, started_at=now, lease_until_at=until).on_conflict(
        conflict_target=[Bridge.id], update={Bridge.lease_until_at: until}
    ).execute()


def end_lease(notifications: list[ChangeNotification], bridge_id: str, now: datetime) -> None:
    """End a bridge's lease and release the chargers that are still connected to it."""
    held = _locked_ids(Charger.bridge == bridge_id, Charger.connection_id.is_null(False))
    charger_history.ended(dict.fromkeys(held, (now, EndedBy.POLARIS)))
    Charger.update(bridge=None, connection_id=None).where(Charger.id.in_(held)).execute()
    Bridge.update(lease_until_at=now).where(Bridge.id == bridge_id).execute()
    _show(notifications, held)


def _locked_ids(*conditions: Any) -> list[int]:
    """Lock these chargers in the order of their ids, as every transaction does to avoid deadlocks; return the ids."""
    return [charger.id for charger in locked(Charger.select(Charger.id).where(*conditions).order_by(Charger.id))]


def connected(notifications: list[ChangeNotification], facts: Sequence[ChargerConnected], now: datetime) -> None:
    """Assign chargers to their newest connections."""
    charger_history.replaced(facts)
    _CONNECTED.execute(
        asdict(fact) | {"connected_at": fact.received_at, "last_contact_at": fact.received_at, "id": fact.charger_id}
        for fact in facts
    )
    _show(notifications, [fact.charger_id for fact in facts])


def disconnected(notifications: list[ChangeNotification], facts: Sequence[ChargerDisconnected], now: datetime) -> None:
    """Release chargers, unless a newer connection has replaced the one that closed."""
    by_charger = {fact.charger_id: fact for fact in facts}
    chargers = locked(Charger.select(Charger.id, Charger.connection_id).order_by(Charger.id)).where(
        Charger.id.in_(list(by_charger))
    )
    released = [
        charger_id
        for charger_id, connection_id in chargers.tuples()
        if by_charger[charger_id].connection_id == connection_id
    ]
    charger_history.disconnected([by_charger[charger_id] for charger_id in released])
    _RELEASED.execute({"last_contact_at": by_charger[id_].received_at, "id": id_} for id_ in released)
    _count_unanswered_pings(facts)
    _show(notifications, released)


def _count_unanswered_pings(facts: Sequence[ChargerDisconnected]) -> None:
    """Count the connections in a row that ended because their chargers answer no pings."""
    unanswered = [fact.charger_id for fact in facts if fact.answers_pings is False]
    answered = [fact.charger_id for fact in facts if fact.answers_pings]
    if unanswered:
        count = Charger.unanswered_pings + 1
        Charger.update(unanswered_pings=count).where(Charger.id.in_(unanswered)).execute()
    if answered:
        is_counted = Charger.unanswered_pings > 0
        Charger.update(unanswered_pings=0).where(Charger.id.in_(answered), is_counted).execute()


def booted(notifications: list[ChangeNotification], facts: Sequence[ChargerBooted], now: datetime) -> None:
    """Store what chargers report at boot. Open sessions stay open: their ends may still be in the chargers' queues.

    A notice that was asked for tells of no boot.
    """
    charger_history.described(facts)
    _DESCRIBED.execute(
        {
            "vendor": fit_line(fact.vendor),
            "model": fit_line(fact.model),
            "serial": fit_line(fact.serial),
            "firmware": fit_line(fact.firmware),
            "last_contact_at": fact.received_at,
            "id": fact.charger_id,
        }
        for fact in facts
    )
    asked = _asked_for_boot([fact for fact in facts if not fact.reason])
    is_boot = {
        fact.charger_id: EFFECTS[of_boot(fact.reason, is_asked_for=fact.charger_id in asked)] is Effect.DOUBTS
        for fact in facts
    }
    boots = [fact for fact in facts if is_boot[fact.charger_id]]
    _BOOTED.execute({"booted_at": fact.received_at, "id": fact.charger_id} for fact in boots)
    booted_ids = [fact.charger_id for fact in boots]
    replay_cache.forget(booted_ids)
    booted_at = Charger.select(Charger.booted_at).where(Charger.id == ChargingSession.charger)
    _show(notifications, booted_ids, is_awaiting_end=True, doubted_at=booted_at)
    for charger_id in is_boot.keys() - set(booted_ids):
        notifications += pubsub.charger_changed(charger_id)


def clock_changed(notifications: list[ChangeNotification], fact: ChargerClockChanged, now: datetime) -> None:
    """Store how far a charger's clock is ahead, and note on its open sessions that their times were corrected."""
    offset_s = max(-MAX_INT32, min(MAX_INT32, fact.offset_s))
    Charger.update(clock_offset_s=offset_s).where(Charger.id == fact.charger_id).execute()
    for session in _open_sessions([fact.charger_id]):
        data_quality.add(session.number, {Note.CLOCK_CORRECTED}, fact.received_at)
    _show(notifications, [fact.charger_id])


def _asked_for_boot(facts: Sequence[ChargerBooted]) -> set[int]:
    """Return the ids of the chargers whose boot notice was asked for just before it came."""
    if not facts:
        return set()
    received_at = {fact.charger_id: fact.received_at for fact in facts}
    triggers = Command.select().where(
        Command.kind == catalog.TRIGGER,
        Command.sent_at >= min(received_at.values()) - ASKED_FOR,
        Command.charger.in_(list(received_at)),
        Command.state.not_in([CommandState.REJECTED, CommandState.ERROR]),
    )
    return {
        row.charger_id
        for row in triggers
        if received_at[row.charger_id] - ASKED_FOR <= row.sent_at <= received_at[row.charger_id]
        and getattr(catalog.from_json(row.kind, row.arguments), "message", None) is RequestedMessage.BOOT
    }


def _show(notifications: list[ChangeNotification], charger_ids: Sequence[int], **values: Any) -> None:
    """Notify the pages of these chargers and of their open sessions, in which `values` are set as well."""
    for charger_id in charger_ids:
        notifications += pubsub.charger_changed(charger_id)
    columns = (ChargingSession.number, ChargingSession.charger, ChargingSession.account)
    sessions = list(locked(_open_sessions(charger_ids, *columns)).tuples())
    if sessions:
        numbers = [number for number, _, _ in sessions]
        ChargingSession.update(revision=ChargingSession.revision + 1, **values).where(
            ChargingSession.number.in_(numbers)
        ).execute()
    for number, charger_id, account_id in sessions:
        notifications += pubsub.session_changed(number, charger_id, account_id)


def _open_sessions(charger_ids: Sequence[int], *columns: Any) -> Any:
    return (
        ChargingSession.select(*columns)
        .where(ChargingSession.charger.in_(charger_ids), ChargingSession.state == SessionState.ACTIVE)
        .order_by(ChargingSession.number)
    )


def change(
    notifications: list[ChangeNotification], session: ChargingSession, *, is_new: bool = False, **values: Any
) -> None:
    """Set columns of a session, raise its revision and notify its pages, in the caller's transaction."""
    columns = {ChargingSession._meta.combined[name].column_name: value for name, value in values.items()}
    _changed(*columns).execute([columns | {"number": session.number}])
    notifications += pubsub.session_changed(session.number, session.charger_id, session.account_id, is_new=is_new)


@lru_cache(maxsize=256)  # sets of columns: the code has a few dozen
def _changed(*columns: str) -> Bulk:
    also = "revision = charging_session.revision + 1, has_days = FALSE"  # its days are added up anew
    return Bulk.update(ChargingSession, *columns, also=also)


def changed_columns(session: ChargingSession) -> dict[str, Any]:
    """Return the columns that were set on the instance, for `change`."""
    return {field.name: session.__data__[field.name] for field in session.dirty_fields}
