"""A charger's settings as it reported them last, from the notices that are kept and the answers to commands since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from peewee import fn

from polaris.domain import settings
from polaris.domain.commands.catalog import GET_CONFIGURATION
from polaris.domain.enums import CommandState
from polaris.domain.raw_payload import read
from polaris.domain.settings import Setting
from polaris.ingest.facts.notices import MAX_PARTS
from polaris.models import Charger, ChargerNotice, Command

REPORT, ANSWER = "NotifyReport", "GetConfiguration"  # the notices that hold whole lists: of OCPP 2.x, of 1.6
MAX_SETTINGS = 10_000  # without it, a charger could make its page unusable
MAX_ANSWERS = 50  # to commands that asked for some settings, since the whole list


@dataclass(frozen=True, slots=True)
class SettingsView:
    """A charger's settings. `request` is the id of the command that asked for the whole list, "" if none did."""

    settings: tuple[Setting, ...] = ()
    reported_at: datetime | None = None  # None if there was no whole list
    request: str = ""
    is_complete: bool = True  # False if parts of the list are missing, or were too long to be kept


def of(identity: str) -> SettingsView:
    """Return a charger's settings."""
    charger = Charger.get_or_none(Charger.identity == identity.replace("\0", ""))
    if charger is None:
        return SettingsView()
    parts = _latest_list(charger.id)
    payloads = [read(part.payload) for part in parts]
    newer = (setting for answer in _answers(charger.id, parts) for setting in settings.read(answer))
    listed = settings.merged(_all(payloads), newer)
    return SettingsView(
        tuple(listed[:MAX_SETTINGS]),
        parts[-1].received_at if parts else None,
        parts[-1].request if parts else "",
        not parts or (len(listed) <= MAX_SETTINGS and _is_whole(parts, payloads)),
    )


def version(charger_id: int) -> tuple[object, ...]:
    """Return a value that is another one whenever a charger's settings may be: they are many to read."""
    notices, answers = _notices(charger_id), _accepted(charger_id)
    columns = fn.MAX(ChargerNotice.received_at), fn.COUNT(ChargerNotice.id)
    return (*notices.select(*columns).tuples().get(), answers.select(fn.MAX(Command.answered_at)).scalar())


def _notices(charger_id: int) -> Any:
    return ChargerNotice.select().where(ChargerNotice.charger == charger_id, ChargerNotice.topic.in_((REPORT, ANSWER)))


def _accepted(charger_id: int) -> Any:
    asked = (Command.charger == charger_id) & (Command.kind == GET_CONFIGURATION)
    return Command.select(Command.answer).where(asked, Command.state == CommandState.ACCEPTED)


def _latest_list(charger_id: int) -> list[ChargerNotice]:
    """Return the parts of the newest whole list, in their order."""
    parts = list(_notices(charger_id).order_by(ChargerNotice.part))
    newest = max(parts, key=lambda part: part.received_at, default=None)
    return [part for part in parts if newest is not None and part.topic == newest.topic]


def _answers(charger_id: int, parts: Iterable[ChargerNotice]) -> list[Any]:
    """Return the answers to commands that asked for some settings since the list began, the oldest first."""
    since = max((part.received_at for part in parts), default=None)
    accepted = _accepted(charger_id)
    if since is not None:
        accepted = accepted.where(Command.answered_at > since)
    newest = list(accepted.order_by(Command.id.desc()).limit(MAX_ANSWERS))
    return [read(command.answer or "{}") for command in reversed(newest)]


def _all(payloads: Iterable[Any]) -> Iterator[Setting]:
    named = (setting for payload in payloads for setting in settings.read(payload))
    return islice(named, MAX_SETTINGS + 1)


def _is_whole(parts: list[ChargerNotice], payloads: list[Any]) -> bool:
    """Return whether all parts of a list have come and were kept."""
    is_gapless = len(parts) < MAX_PARTS and [part.part for part in parts] == list(range(len(parts)))
    is_kept = all(isinstance(payload, dict) and "beginning" not in payload for payload in payloads)
    return is_gapless and is_kept and not payloads[-1].get("tbc")
