"""Notices: messages of chargers that change no session, kept by topic as they came, and what some of them tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from peewee import fn

from polaris.domain.facts import ChargerNotified
from polaris.ingest.facts import connectors, max_power
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import ChargerNotice
from polaris.pubsub import ChangeNotification

MAX_NOTICE_LENGTH = 16_384  # characters of JSON; a charger's diagnostics must not fill the database
MAX_REPORT_LENGTH = 4_000_000  # bytes of all parts of a report: some ten thousand variables
MAX_PARTS = 1000  # of a report; any further part replaces the last


def notified(notifications: list[ChangeNotification], fact: ChargerNotified, now: datetime) -> None:
    """Keep a message, and store what it tells of connectors."""
    keep(fact.charger_id, fit(fact.topic), fact.raw, fact.received_at, request=fit(fact.request), part=fact.part)
    for state in fact.states:
        connectors.status_changed(notifications, state, now)
    if fact.max_power_w:
        max_power.store(notifications, fact.charger_id, fact.max_power_w, fact.received_at)


def keep(
    charger_id: int,
    topic: str,
    payload: Mapping[str, object],
    received_at: datetime,
    *,
    request: str = "",
    part: int = 0,
) -> None:
    """Keep the latest notice of a topic; of a report in parts, all parts of the latest report."""
    of_topic = (ChargerNotice.charger == charger_id) & (ChargerNotice.topic == topic)
    part = min(part, MAX_PARTS - 1)
    _delete_outdated(of_topic, request, part)
    limit = MAX_NOTICE_LENGTH
    if request or part:
        limit = max(0, MAX_REPORT_LENGTH - _length(of_topic & (ChargerNotice.part != part)))
    values = {"payload": fit_json(payload, limit), "received_at": received_at}
    ChargerNotice.insert(charger=charger_id, topic=topic, request=request, part=part, **values).on_conflict(
        conflict_target=[ChargerNotice.charger, ChargerNotice.topic, ChargerNotice.part], update=values
    ).execute()


def _delete_outdated(of_topic: Any, request: str, part: int) -> None:
    """Delete the parts of another report than this. All that are kept are of one, so that the first tells."""
    first = ChargerNotice.select(ChargerNotice.request).where(of_topic).order_by(ChargerNotice.part).first()
    if first is not None and first.request != request:
        ChargerNotice.delete().where(of_topic).execute()
    elif first is not None and part == 0 and not request:  # the parts of an event name no request
        ChargerNotice.delete().where(of_topic, ChargerNotice.part > 0).execute()


def _length(of_parts: Any) -> int:
    """Return how many bytes parts of a report have that are kept already."""
    total = fn.COALESCE(fn.SUM(fn.OCTET_LENGTH(ChargerNotice.payload)), 0)
    return int(ChargerNotice.select(total).where(of_parts).scalar())
