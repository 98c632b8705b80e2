"""Notices: messages of chargers that change no session, kept by topic as they came, and what some of them tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from peewee import fn

from polaris import pubsub
from polaris.domain.commands.catalog import GET_CONFIGURATION, GetConfiguration, from_json
from polaris.domain.enums import Alarm
from polaris.domain.facts import ChargerNotified
from polaris.domain.limits import MAX_INT32
from polaris.domain.raw_payload import read
from polaris.domain.security_events import CRITICAL, topic
from polaris.ingest.facts import connectors, max_power
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import ChargerNotice, Command
from polaris.models.charger_notice import NOTICE_KEY
from polaris.pubsub import ChangeNotification

ALARMS = frozenset({*Alarm, *map(topic, CRITICAL)})  # the topics of what needs a person
MAX_NOTICE_LENGTH = 16_384  # characters of JSON; a charger's diagnostics must not fill the database
MAX_REPORT_LENGTH = 4_000_000  # bytes of all parts of a report: some ten thousand variables
MAX_PARTS = 1000  # of a report; any further part replaces the last
MAX_REPORTS = 4  # of a topic; without it, a charger that makes up the ids of requests would fill the database


def notified(notifications: list[ChangeNotification], fact: ChargerNotified, now: datetime) -> None:
    """Keep a message, and store what it tells of connectors."""
    keep(fact.charger_id, fit(fact.topic), fact.raw, fact.received_at, request=fit(fact.request), part=fact.part)
    if fact.topic in ALARMS:
        notifications += pubsub.records_changed()
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
    """Keep the latest notice of a topic; of reports in parts, all parts, beside those that answer other requests.

    Only a whole report that was asked for here replaces others: what comes under an unknown request, or one that cannot
    be read, may be about a few variables (OCPP 2.0.1, B08).
    """
    of_topic = (ChargerNotice.charger == charger_id) & (ChargerNotice.topic == topic)
    of_report = of_topic & (ChargerNotice.request == request)
    part = min(part, MAX_PARTS - 1)
    if part == 0 and not request:  # the parts of an event name no request
        ChargerNotice.delete().where(of_report, ChargerNotice.part > 0).execute()
    limit = MAX_NOTICE_LENGTH
    if request or part:
        limit = max(0, MAX_REPORT_LENGTH - _length(of_report & (ChargerNotice.part != part)))
    values = {"payload": fit_json(payload, limit), "received_at": received_at}
    ChargerNotice.insert(charger=charger_id, topic=topic, request=request, part=part, **values).on_conflict(
        conflict_target=NOTICE_KEY, update=values
    ).execute()
    if request or part:
        _delete_outdated(charger_id, topic, request)


class _Report(NamedTuple):
    """The parts that are kept of a report."""

    request: str
    parts: int
    last_part: int
    oldest_at: datetime
    newest_at: datetime

    @property
    def is_gapless(self) -> bool:
        return self.last_part == self.parts - 1


def _delete_outdated(charger_id: int, topic: str, request: str) -> None:
    """Delete the reports that the one of a request replaces, the shortest of too many, and what is left of others.

    That is what has gaps and was not asked for: its missing parts hardly come once another report has begun.
    """
    of_topic = (ChargerNotice.charger == charger_id) & (ChargerNotice.topic == topic)
    at, part = ChargerNotice.received_at, ChargerNotice.part
    columns = (ChargerNotice.request, fn.COUNT(part), fn.MAX(part), fn.MIN(at), fn.MAX(at))
    query: Any = ChargerNotice.select(*columns).where(of_topic).group_by(ChargerNotice.request).tuples()
    reports = {report[0]: _Report(*report) for report in query}
    newest = reports.pop(request)
    longest_first = sorted(reports.values(), key=lambda report: (report.parts, report.newest_at), reverse=True)
    outdated = {report.request for report in longest_first[MAX_REPORTS - 1 :]}
    broken = [report for report in longest_first if not report.is_gapless]
    outdated |= {report.request for report in broken if not is_asked_for(charger_id, report.request)}
    if reports and _is_whole(of_topic, newest) and is_asked_for(charger_id, request):
        outdated |= {report.request for report in longest_first if report.newest_at <= newest.oldest_at}
    if outdated:
        ChargerNotice.delete().where(of_topic, ChargerNotice.request.in_(outdated)).execute()


def _is_whole(of_topic: Any, report: _Report) -> bool:
    if not report.is_gapless:
        return False
    is_last = (ChargerNotice.request == report.request) & (ChargerNotice.part == report.last_part)
    return is_end(read(ChargerNotice.select(ChargerNotice.payload).where(of_topic, is_last).scalar()))


def is_end(payload: Any) -> bool:
    """Whether a report's part is its last, and was kept whole."""
    return isinstance(payload, dict) and "beginning" not in payload and not payload.get("tbc")


def is_asked_for(charger_id: int, request: str) -> bool:
    """Whether a command asked the charger for all of its settings under this id."""
    if not request.isdecimal() or int(request) > MAX_INT32:
        return False
    asked = (Command.id == int(request)) & (Command.charger == charger_id) & (Command.kind == GET_CONFIGURATION)
    command = Command.get_or_none(asked)
    return command is not None and from_json(command.kind, command.arguments) == GetConfiguration()


def _length(of_parts: Any) -> int:
    """Return how many bytes parts of a report have that are kept already."""
    total = fn.COALESCE(fn.SUM(fn.OCTET_LENGTH(ChargerNotice.payload)), 0)
    return int(ChargerNotice.select(total).where(of_parts).scalar())
