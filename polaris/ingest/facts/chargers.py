"""Facts about chargers: connected, booted, connector states; and the leases of the bridges that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from polaris import pubsub
from polaris.domain.enums import ConnectorStatus, SessionState
from polaris.domain.facts import (
    ChargerBooted,
    ChargerConnected,
    ChargerDisconnected,
    ChargerNotified,
    ConnectorStatusChanged,
)
from polaris.domain.session import believable
from polaris.ingest.facts import replay_cache
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import Bridge, Bulk, Charger, ChargerNotice, ChargingSession, Connector, database, locked
from polaris.models.database import to_microseconds
from polaris.pubsub import ChangeNotification

MAX_NOTICE_LENGTH = 16_384  # characters of JSON
MAX_PARTS = 250  # of a report; what is beyond takes the place of the last
IN_SESSION = (ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE)

_CONNECTED = Bulk.update(
    "charger",
    {
        "bridge_id": "text",
        "connection_id": "text",
        "protocol": "text",
        "connected_at": "bigint",
        "last_contact_at": "bigint",
    },
    key="id",
)
_BOOTED = Bulk.update(
    "charger",
    {
        "vendor": "text",
        "model": "text",
        "serial": "text",
        "firmware": "text",
        "booted_at": "bigint",
        "last_contact_at": "bigint",
    },
    key="id",
)
_LET_GO = Bulk.update(
    "charger", {"last_contact_at": "bigint"}, key="id", always="bridge_id = NULL, connection_id = NULL"
)
_TOUCHED = Bulk.update("charger", {"last_contact_at": "bigint"}, key="id")


@dataclass(frozen=True, slots=True)
class ChargerKey:
    """What a handshake is checked against."""

    charger_id: int
    identity: str
    key_hash: str
    key_version: int
    next_key_hash: str = ""
    next_key_version: int = 0
    security_profile: int = 1
    energy_unit: str = ""  # an operator's word against the charger's


def find(identity: str) -> ChargerKey | None:
    """By hand, for ten thousand handshakes at once: through the model it takes ten times as long."""
    sql = (
        "SELECT id, identity, key_hash, key_version, COALESCE(next_key_hash, ''), COALESCE(next_key_version, 0),"
        f" security_profile, energy_unit FROM charger WHERE identity = {database.param}"
    )
    row = database.execute_sql(sql, (identity,)).fetchone()
    return None if row is None else ChargerKey(*row)


def prove_next_key(notifications: list[ChangeNotification], charger_id: int, next_key_hash: str) -> None:
    """The charger came with the new key of a rotation: from now on it is the only one."""
    Charger.update(
        key_hash=Charger.next_key_hash,
        key_version=Charger.next_key_version,
        next_key_hash=None,
        next_key_version=None,
    ).where(Charger.id == charger_id, Charger.next_key_hash == next_key_hash).execute()


def fallback_protocol(charger_id: int) -> str:
    """What to speak with a charger that offers no version that Polaris speaks; "" where an operator said nothing."""
    charger = Charger.get_or_none(Charger.id == charger_id)
    return "" if charger is None else str(charger.fallback_protocol)


def touch(notifications: list[ChangeNotification], charger_ids: Iterable[int], now: datetime) -> None:
    """Note that these chargers were heard of."""
    heard = list(charger_ids)
    if database.obj.for_update:
        heard = _locked_ids(Charger.id.in_(heard))
    at = to_microseconds(now)
    _TOUCHED.execute([(at, charger_id) for charger_id in heard])


def renew_lease(notifications: list[ChangeNotification], bridge_id: str, now: datetime, until: datetime) -> None:
    Bridge.insert(id=bridge_id, started_at=now, lease_until_at=until).on_conflict(
        conflict_target=[Bridge.id], update={Bridge.lease_until_at: until}
    ).execute()


def end_lease(notifications: list[ChangeNotification], bridge_id: str, now: datetime) -> None:
    """Let go of every charger that this bridge still holds."""
    held = _locked_ids(Charger.bridge == bridge_id, Charger.connection_id.is_null(False))
    Charger.update(bridge=None, connection_id=None).where(Charger.id.in_(held)).execute()
    Bridge.update(lease_until_at=now).where(Bridge.id == bridge_id).execute()
    _show(notifications, held)


def _locked_ids(*conditions: Any) -> list[int]:
    """The ids of these chargers, locked in their order, as every transaction locks rows."""
    return [charger.id for charger in locked(Charger.select(Charger.id).where(*conditions).order_by(Charger.id))]


def connected(notifications: list[ChangeNotification], facts: Sequence[ChargerConnected], now: datetime) -> None:
    """The newest connection owns the charger."""
    _CONNECTED.execute(
        [
            (
                fact.bridge_id,
                fact.connection_id,
                fact.protocol,
                *[to_microseconds(fact.received_at)] * 2,
                fact.charger_id,
            )
            for fact in facts
        ]
    )
    _show(notifications, [fact.charger_id for fact in facts])


def disconnected(notifications: list[ChangeNotification], facts: Sequence[ChargerDisconnected], now: datetime) -> None:
    """Only its own connection is let go: another may have replaced it meanwhile."""
    of_charger = {fact.charger_id: fact for fact in facts}
    chargers = locked(Charger.select(Charger.id, Charger.connection_id).order_by(Charger.id)).where(
        Charger.id.in_(list(of_charger))
    )
    held = [
        charger_id
        for charger_id, connection_id in chargers.tuples()
        if of_charger[charger_id].connection_id == connection_id
    ]
    _LET_GO.execute([(to_microseconds(of_charger[charger_id].received_at), charger_id) for charger_id in held])
    _show(notifications, held)


def booted(notifications: list[ChangeNotification], facts: Sequence[ChargerBooted], now: datetime) -> None:
    """A boot in mid-session ends nothing: the charger may still send the end that it has queued."""
    _BOOTED.execute(
        [
            (
                *(fit(text) for text in (fact.vendor, fact.model, fact.serial, fact.firmware)),
                *[to_microseconds(fact.received_at)] * 2,
                fact.charger_id,
            )
            for fact in facts
        ]
    )
    replay_cache.forget([fact.charger_id for fact in facts])
    _show(notifications, [fact.charger_id for fact in facts], is_awaiting_end=True)


def notified(notifications: list[ChangeNotification], fact: ChargerNotified, now: datetime) -> None:
    """Keep the latest of its topic; of a report, all the parts of the latest."""
    mine = (ChargerNotice.charger == fact.charger_id) & (ChargerNotice.topic == fit(fact.topic))
    part, request = min(fact.part, MAX_PARTS - 1), fit(fact.request)
    is_of_another = ChargerNotice.request != request
    if part == 0 and not request:  # an event's parts name no request: the first of the next ones ends them
        is_of_another |= ChargerNotice.part > 0
    ChargerNotice.delete().where(mine, is_of_another).execute()
    values = {"payload": fit_json(fact.raw, MAX_NOTICE_LENGTH), "received_at": fact.received_at}
    ChargerNotice.insert(
        charger=fact.charger_id, topic=fit(fact.topic), request=request, part=part, **values
    ).on_conflict(
        conflict_target=[ChargerNotice.charger, ChargerNotice.topic, ChargerNotice.part], update=values
    ).execute()


def status_changed(notifications: list[ChangeNotification], fact: ConnectorStatusChanged, now: datetime) -> None:
    """A connector's state is evidence about its session, and never ends it. An older report changes nothing."""
    changed_at = believable(fact.at, fact.received_at)
    values = {
        Connector.status: fit(fact.status),
        Connector.error_code: fit(fact.error_code),
        Connector.info: fit(fact.info),
        Connector.changed_at: changed_at,
    }
    is_new = (
        Connector.insert({Connector.charger: fact.charger_id, Connector.number: fact.connector, **values})
        .on_conflict(
            conflict_target=[Connector.charger, Connector.number],
            update=values,
            where=(Connector.changed_at <= changed_at),
        )
        .as_rowcount()
        .execute()
    )
    if is_new:
        notifications += pubsub.charger_changed(fact.charger_id)
    if is_new and fact.connector > 0 and fact.status != ConnectorStatus.OCCUPIED:  # which says nothing of charging
        _show_status_on_session(notifications, fact, changed_at)


def _show_status_on_session(
    notifications: list[ChangeNotification], fact: ConnectorStatusChanged, changed_at: datetime
) -> None:
    for session in _open_sessions([fact.charger_id]).where(
        ChargingSession.connector == fact.connector, ChargingSession.started_at <= changed_at
    ):
        is_awaiting_end = fact.status == ConnectorStatus.AVAILABLE or (
            session.is_awaiting_end and fact.status not in IN_SESSION
        )
        if (session.connector_status, session.is_awaiting_end) != (fit(fact.status), is_awaiting_end):
            # The last figure of the power is not true any more; the next reading brings one that is.
            power_w = session.power_w if fact.status == ConnectorStatus.CHARGING else None
            change(
                notifications,
                session,
                connector_status=fit(fact.status),
                is_awaiting_end=is_awaiting_end,
                power_w=power_w,
            )


def _show(notifications: list[ChangeNotification], charger_ids: Sequence[int], **values: Any) -> None:
    """Show a change of chargers on their own pages and on those of their open sessions."""
    for charger_id in charger_ids:
        notifications += pubsub.charger_changed(charger_id)
    columns = (ChargingSession.number, ChargingSession.charger, ChargingSession.account)
    found = list(locked(_open_sessions(charger_ids, *columns)).tuples())
    if found:
        numbers = [number for number, _, _ in found]
        ChargingSession.update(revision=ChargingSession.revision + 1, **values).where(
            ChargingSession.number.in_(numbers)
        ).execute()
    for number, charger_id, account_id in found:
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
    """Update a session: its values, its revision and its notifications, in the transaction of the caller."""
    ChargingSession.update(revision=ChargingSession.revision + 1, **values).where(
        ChargingSession.number == session.number
    ).execute()
    notifications += pubsub.session_changed(session.number, session.charger_id, session.account_id, is_new=is_new)
