"""Alarms of chargers: what the bridge noticed, and critical security events that chargers report.

Blocking or retiring a charger settles its alarms: nothing of it can connect any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polaris.attention.item import Action, Item, Search, verb
from polaris.domain.enums import Alarm, ChargerStatus
from polaris.domain.instants import EPOCH
from polaris.domain.limits import ALARM_AGE
from polaris.domain.security_events import CRITICAL, topic
from polaris.domain.sentences import N_, Sentence, say
from polaris.models import Charger, ChargerNotice

TURNS, ALARM = "turns", "alarm"

TEXTS: Mapping[Alarm, str] = {
    Alarm.TWO_CONNECTIONS: N_("Two connections take turns as this charger: one of them may not be it."),
    Alarm.WRONG_KEYS: N_("Somebody tries to connect as this charger with a wrong key."),
    Alarm.VOLUME: N_("It sends so much that its messages have to wait, or soon will."),
    Alarm.TOO_LONG: N_("It sent more than a megabyte at once, or 256 kB unasked, and was disconnected for that."),
    Alarm.CONNECTORS: N_("It tells of connectors beyond the bound, which are refused."),
    Alarm.UNPROCESSABLE: N_("It sends so much that fits no session that the oldest of it is deleted."),
}
_OF_CHARGERS = [Alarm.WRONG_KEYS, Alarm.VOLUME, Alarm.TOO_LONG, Alarm.CONNECTORS, Alarm.UNPROCESSABLE]
NAMED = (Charger.identity, Charger.name)
_EVENTS = {topic(type_): type_ for type_ in sorted(CRITICAL)}


def two_connections(search: Search) -> list[Item]:
    """Return the chargers as which two connections take turns."""
    return [_item(TURNS, row, row.charger.identity) for row in _newest(search, [Alarm.TWO_CONNECTIONS])]


def alarms(search: Search) -> list[Item]:
    """Return the other alarms of chargers, and their critical security events."""
    rows = _newest(search, [*_OF_CHARGERS, *_EVENTS])
    return [_item(ALARM, row, f"{row.charger.identity}/{row.topic}") for row in rows if not _is_refused(row)]


def _newest(search: Search, topics: Sequence[str]) -> list[ChargerNotice]:
    query = (
        ChargerNotice.select(ChargerNotice.topic, ChargerNotice.received_at, *NAMED, Charger.connected_at)
        .join(Charger)
        .where(ChargerNotice.topic.in_(topics), ChargerNotice.received_at > search.now - ALARM_AGE)
        .where(Charger.status == ChargerStatus.ACTIVE)
        .order_by(ChargerNotice.received_at.desc())
        .limit(search.limit)
    )
    return list(query)


def _is_refused(row: ChargerNotice) -> bool:
    """Whether an alarm of wrong keys is listed as a refused handshake, which is until the charger itself comes."""
    connected_at = row.charger.connected_at
    return row.topic == Alarm.WRONG_KEYS and (connected_at is None or connected_at <= row.received_at)


def _item(kind: str, row: ChargerNotice, target: str) -> Item:
    identity = row.charger.identity
    return Item(
        kind,
        target,
        (_sentence(row.topic), say("It was so last at %(at)s.", at=row.received_at)),
        since=row.received_at,
        level=(row.received_at - EPOCH).days,  # the same on another day is news
        actions=_key_actions(identity) if row.topic in (Alarm.TWO_CONNECTIONS, Alarm.WRONG_KEYS) else (),
        name=row.charger.name,
        identity=identity,
    )


def _sentence(topic: str) -> Sentence:
    if topic in _EVENTS:
        return say("The charger reports a security event: %(type)s.", type=_EVENTS[topic])
    return say(TEXTS[Alarm(topic)])


def _key_actions(identity: str) -> tuple[Action, ...]:
    return (
        verb(N_("Make it a new key"), "charger", "new-key", identity, identity=identity),
        verb(N_("Block it"), "charger", "block", identity, identity=identity),
    )
