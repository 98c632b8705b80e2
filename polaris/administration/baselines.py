"""Settings of a charger that are kept under a name, so that others can be compared with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import msgspec

from polaris.administration.audit import NAMES, Refused, checked_name, record
from polaris.domain.instants import minute_text
from polaris.domain.redaction import without_secrets
from polaris.domain.sentences import say
from polaris.domain.settings import Setting
from polaris.models import SettingsBaseline, blocking, database, locked, take_turns

MAX_BASELINES = 50  # their names are a list on the page that compares
MAX_NAME_LENGTH = 40
MAX_LENGTH = 2_000_000  # characters of a baseline; without it, a few chargers' nonsense would be most of the database

_decode = msgspec.json.Decoder(tuple[Setting, ...]).decode


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline as a list shows it."""

    name: str
    identity: str
    saved_at: datetime
    count: int


@blocking
def save_baseline(name: str, identity: str, settings: Collection[Setting], *, actor: str, now: datetime) -> Baseline:
    """Save settings of a charger under a name. Raise `Refused` if they cannot be."""
    name = checked_name(name, MAX_NAME_LENGTH)
    if not settings:
        raise Refused(
            say("%(identity)s has reported no settings. Read them first: Get configuration.", identity=identity)
        )
    text = msgspec.json.encode([each._replace(value=without_secrets(each.value)) for each in settings]).decode()
    if len(text) > MAX_LENGTH:
        raise Refused(
            say(
                "The settings of %(identity)s are too long to be kept: %(length)s characters.",
                identity=identity,
                length=len(text),
            )
        )
    with database.atomic():
        take_turns(NAMES)
        row = SettingsBaseline.get_or_none(SettingsBaseline.name == name)
        if row is not None and (row.identity, row.settings) == (identity, text):
            return _baseline(row)
        if row is not None:
            raise Refused(
                say("There is a baseline %(name)s already. Delete it first, or choose another name.", name=name)
            )
        if SettingsBaseline.select().count() >= MAX_BASELINES:
            raise Refused(
                say("There are %(max_baselines)s baselines already. Delete one first.", max_baselines=MAX_BASELINES)
            )
        values = {"identity": identity, "saved_at": now, "count": len(settings), "settings": text}
        saved = _baseline(SettingsBaseline.create(name=name, **values))
        record(actor, "baseline.saved", name, now, f"{len(settings)} settings of {identity}")
    return saved


@blocking
def delete_baseline(name: str, *, actor: str, now: datetime) -> None:
    """Delete a baseline. Raise `Refused` if there is none of that name."""
    name = name.replace("\0", "").strip()
    with database.atomic():
        row = locked(SettingsBaseline.select().where(SettingsBaseline.name == name)).first()
        if row is None:
            raise Refused(say("There is no baseline %(name)s.", name=name))
        SettingsBaseline.delete().where(SettingsBaseline.id == row.id).execute()
        detail = f"{row.count} settings of {row.identity}, saved {minute_text(row.saved_at)}"
        record(actor, "baseline.deleted", name, now, detail)


@blocking
def saved_baselines() -> tuple[Baseline, ...]:
    """Return the baselines in the order of their names, without their settings."""
    columns = (SettingsBaseline.name, SettingsBaseline.identity, SettingsBaseline.saved_at, SettingsBaseline.count)
    return tuple(map(_baseline, SettingsBaseline.select(*columns).order_by(SettingsBaseline.name).limit(MAX_BASELINES)))


@blocking
def baseline_settings(name: str) -> tuple[Setting, ...] | None:
    """Return the settings of a baseline; None if there is none of that name."""
    row = SettingsBaseline.get_or_none(SettingsBaseline.name == name.replace("\0", ""))
    return None if row is None else _decode(row.settings)


def _baseline(row: SettingsBaseline) -> Baseline:
    return Baseline(row.name, row.identity, row.saved_at, row.count)
