"""A charger's settings as it reported them last, from the notices that are kept and the answers to commands since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from peewee import fn

from polaris.domain import settings
from polaris.domain.commands.catalog import GET_CONFIGURATION, SET_CONFIGURATION, SetConfiguration
from polaris.domain.commands.outcome_text import RESTART_NEEDED
from polaris.domain.enums import CommandState
from polaris.domain.raw_payload import read
from polaris.domain.redaction import REDACTED
from polaris.domain.settings import Setting, SettingsView
from polaris.ingest.facts.notices import MAX_PARTS, is_asked_for, is_end
from polaris.models import Charger, ChargerNotice, Command

REPORT, ANSWER = "NotifyReport", "GetConfiguration"  # the notices that hold whole lists: of OCPP 2.x, of 1.6
MAX_SETTINGS = 10_000  # without it, a charger could make its page unusable
MAX_ANSWERS = 50  # to commands that asked for some settings, since the whole list


def of(identity: str) -> SettingsView:
    """Return a charger's settings, by the newest report that names each.

    A report that nobody here asked for adds to those that were asked for, and says nothing of how complete they are.
    """
    charger = Charger.get_or_none(Charger.identity == identity.replace("\0", ""))
    if charger is None:
        return SettingsView()
    reports = _reports(charger.id)
    counted = [report for report in reports if is_asked_for(charger.id, report.request)] or reports
    newest = counted[-1] if counted else None
    told = [(report.newest_at, report.settings()) for report in reports]
    told += _answers(charger.id, newest and newest.newest_at)
    listed: list[Setting] = []
    changes = _changes(charger.id)
    for told_at, named in sorted(told, key=itemgetter(0)):
        current = list(named)
        listed = settings.merged(listed, current)
        if changes:
            names = {setting.command_key.casefold() for setting in current}
            changes = {key: change for key, change in changes.items() if change.at > told_at or key not in names}
    return SettingsView(
        tuple(listed[:MAX_SETTINGS]),
        newest and newest.newest_at,
        newest.request if newest else "",
        len(listed) <= MAX_SETTINGS and (newest is None or newest.is_whole),
        {key: change.value for key, change in changes.items()},
    )


def version(charger_id: int) -> str:
    """Return a text that is another one whenever a charger's settings may be: they are many to read."""
    notices, answers = _notices(charger_id), _accepted(charger_id, GET_CONFIGURATION)
    columns = fn.MAX(ChargerNotice.received_at), fn.COUNT(ChargerNotice.id)
    parts = (*notices.select(*columns).tuples().get(), answers.select(fn.MAX(Command.answered_at)).scalar())
    changed = _accepted(charger_id, SET_CONFIGURATION).select(fn.MAX(Command.answered_at)).scalar()
    return " ".join(map(str, (*parts, changed, len(waiting_for_restart(charger_id)))))


def waiting_for_restart(charger_id: int) -> frozenset[str]:
    """Return the names, in lower case, of the settings whose change takes effect when the charger has restarted."""
    is_since = Charger.booted_at.is_null() | (Command.answered_at > Charger.booted_at)
    rows = _accepted(charger_id, SET_CONFIGURATION).join(Charger).where(Command.status == RESTART_NEEDED, is_since)
    commands = (row.command for row in rows)
    return frozenset(command.key.casefold() for command in commands if isinstance(command, SetConfiguration))


def _notices(charger_id: int) -> Any:
    return ChargerNotice.select().where(ChargerNotice.charger == charger_id, ChargerNotice.topic.in_((REPORT, ANSWER)))


def _accepted(charger_id: int, kind: str) -> Any:
    asked = (Command.charger == charger_id) & (Command.kind == kind)
    is_answered = (Command.state == CommandState.ACCEPTED) & Command.answered_at.is_null(False)
    columns = (Command.kind, Command.arguments, Command.answer, Command.answered_at)
    return Command.select(*columns).where(asked, is_answered)


def _changes(charger_id: int) -> dict[str, _Change]:
    """Return the newest accepted value of each setting that was changed lately, by the key in lower case."""
    newest = list(_accepted(charger_id, SET_CONFIGURATION).order_by(Command.id.desc()).limit(MAX_ANSWERS))
    commands = ((row.command, row.answered_at) for row in reversed(newest))
    return {
        command.key.casefold(): _Change(command.value, at)
        for command, at in commands
        if isinstance(command, SetConfiguration) and command.value != REDACTED
    }


class _Change(NamedTuple):
    value: str
    at: datetime


class _Report(NamedTuple):
    """A list of settings, in the parts that have come of it, by their numbers."""

    request: str
    newest_at: datetime
    payloads: dict[int, Any]

    def settings(self) -> Iterator[Setting]:
        named = (setting for payload in self.payloads.values() for setting in settings.read(payload))
        return islice(named, MAX_SETTINGS + 1)

    @property
    def is_whole(self) -> bool:
        """Whether all parts have come and were kept."""
        *others, last = self.payloads.values()
        is_gapless = len(self.payloads) < MAX_PARTS and list(self.payloads) == list(range(len(self.payloads)))
        return is_gapless and is_end(last) and all(isinstance(one, dict) and "beginning" not in one for one in others)


def _reports(charger_id: int) -> list[_Report]:
    """Return the lists that are kept, of the version of OCPP that the newest came in, the oldest first."""
    parts = list(_notices(charger_id).order_by(ChargerNotice.part))
    newest = max(parts, key=lambda part: part.received_at, default=None)
    by_request: defaultdict[str, list[ChargerNotice]] = defaultdict(list)
    for part in parts:
        if newest is not None and part.topic == newest.topic:
            by_request[part.request].append(part)
    reports = [
        _Report(request, max(part.received_at for part in of), {part.part: read(part.payload) for part in of})
        for request, of in by_request.items()
    ]
    return sorted(reports, key=lambda report: report.newest_at)


def _answers(charger_id: int, since: datetime | None) -> list[tuple[datetime, Iterator[Setting]]]:
    """Return the answers to commands that asked for some settings since the newest list, with their instants."""
    accepted = _accepted(charger_id, GET_CONFIGURATION)
    if since is not None:
        accepted = accepted.where(Command.answered_at > since)
    newest = list(accepted.order_by(Command.id.desc()).limit(MAX_ANSWERS))
    return [(command.answered_at, settings.read(read(command.answer or "{}"))) for command in reversed(newest)]
