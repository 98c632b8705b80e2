"""The export of a person's data: all that the database has of it, as a zip of JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import chain
from typing import IO, Any

from polaris.audit import record
from polaris.domain.evidence import is_idle as is_idle_of
from polaris.domain.own_part import OwnPart
from polaris.domain.person import Person
from polaris.domain.tariff import estimate
from polaris.models import Account, AuditEntry, ChargingSession, blocking, database
from polaris.retention import traces
from polaris.retention.export_words import INTERNAL, readme
from polaris.retention.traces import Table

ACCOUNT = ("id", "email", "name", "language", "theme", "role", "status", "created_at")
AUDIT = ("at", "actor", "action", "target", "detail")


@blocking
def export(email: str, file: IO[bytes], *, actor: str, now: datetime) -> None:
    """Write the zip of a person's data to a file. Raise `Refused` if there is no such account."""
    with database.atomic():
        person = traces.find(email)
        record(actor, "account.exported", person.email, now)
    own = OwnPart(traces.with_former_cards(person), traces.other_id_tags(person))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with _text(archive, "account.json") as out:
            json.dump(_account(person, own), out, indent=2, default=_plain)
        sessions, place_and_cost = traces.sessions(person), partial(_of_session, now=now)
        _add_csv(archive, "sessions.csv", ChargingSession, sessions, own, more=place_and_cost)
        for model in sorted(traces.OF_SESSION, key=lambda model: model.__name__):
            _add_csv(archive, f"{model._meta.table_name}.csv", model, _of_sessions(model, person), own)
        text = readme(archive.namelist())
        with _text(archive, "README.txt") as out:
            out.write(text)


def _account(person: Person, own: OwnPart) -> dict[str, Any]:
    account = Account.get_by_id(person.account_id)
    held: dict[str, Any] = {"account": {name: getattr(account, name) for name in ACCOUNT}}
    for model, secret in traces.OF_ACCOUNT.items():
        rows = model.select().where(model.account == account).dicts()
        held[model._meta.table_name] = [{k: v for k, v in row.items() if k not in secret} for row in rows]
    for model in traces.TEXTS:
        held["audit" if model is AuditEntry else model._meta.table_name] = [
            {name: value for name, value in _own_values(row, own).items() if model is not AuditEntry or name in AUDIT}
            for row in traces.naming(model, person)
        ]
    return held


def _own_values(row: Any, own: OwnPart) -> dict[str, Any]:
    """Return a row's values by their names, without what its texts say of others."""
    return {name: own.of(value, name) if isinstance(value, str) else value for name, value in row.__data__.items()}


def _of_sessions(model: Table, person: Person) -> Iterator[Any]:
    for session in traces.sessions(person):
        yield from model.select().where(traces.of_session(model, session)).order_by(model.id)


def _of_session(session: ChargingSession, now: datetime) -> dict[str, Any]:
    """Return what the page shows of a session beside its own columns: its place, energy and estimated cost."""
    energy_wh = session.effective_wh
    is_idle = is_idle_of(session.state, session.connector_status, energy_wh=energy_wh, power_w=session.power_w)
    prices = session.tariff.prices() if session.tariff else None
    is_idle_refusal = session.is_refused and energy_wh == 0 and is_idle
    cost = estimate(prices, session.usage(now), is_idle_refusal=is_idle_refusal)
    return {
        "charger": session.charger.name,
        "site": session.site.name,
        "effective_wh": energy_wh,
        "estimated_cost": cost and cost.amount,
        "currency": cost and cost.currency,
    }


def _add_csv(
    archive: zipfile.ZipFile,
    name: str,
    model: Table,
    rows: Iterable[Any],
    own: OwnPart,
    *,
    more: Callable[[Any], dict[str, Any]] = lambda row: {},
) -> None:
    """Add the file of some rows, with the columns that `more` makes of each; none if there are no rows."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    internal = INTERNAL[model._meta.table_name]
    fields = [field for field in model._meta.sorted_fields if field.column_name not in internal]
    with _text(archive, name) as out:
        writer = csv.writer(out)
        writer.writerow([*(field.column_name for field in fields), *more(first)])
        for row in chain((first,), rows):
            of_row = _own_values(row, own)
            values = [*(of_row.get(field.name) for field in fields), *more(row).values()]
            writer.writerow(map(_cell, values))


def _cell(value: Any) -> Any:
    """Return a value for a cell. A text that a spreadsheet would take for a formula has an apostrophe before it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _text(archive: zipfile.ZipFile, name: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(archive.open(name, "w"), encoding="utf-8", newline="")
