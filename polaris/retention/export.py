"""The export of a person's data: all that the database has of it, as a zip of JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Any

from polaris.audit import record
from polaris.domain.person import Person
from polaris.models import Account, AuditEntry, ChargingSession, blocking, database
from polaris.retention import traces
from polaris.retention.traces import Table

ACCOUNT = ("id", "email", "role", "status", "created_at")
AUDIT = ("at", "actor", "action", "target", "detail")
ACTORS = frozenset({"actor", "requested_by"})
OTHER = "another account"  # in place of somebody else's e-mail address


@blocking
def export(email: str, file: IO[bytes], *, actor: str, now: datetime) -> None:
    """Write the zip of a person's data to a file. Raise `Refused` if there is no such account."""
    with database.atomic():
        person = traces.find(email)
        record(actor, "account.exported", person.email, now)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with _text(archive, "account.json") as out:
            json.dump(_account(person), out, indent=2, default=_plain)
        with _text(archive, "sessions.csv") as out:
            _write_csv(out, ChargingSession, traces.sessions(person))
        for model in sorted(traces.OF_SESSION, key=lambda model: model.__name__):
            with _text(archive, f"{model._meta.table_name}.csv") as out:
                _write_csv(out, model, _of_sessions(model, person))


def _account(person: Person) -> dict[str, Any]:
    account = Account.get_by_id(person.account_id)
    held: dict[str, Any] = {"account": {name: getattr(account, name) for name in ACCOUNT}}
    for model, secret in traces.OF_ACCOUNT.items():
        rows = model.select().where(model.account == account).dicts()
        held[model._meta.table_name] = [{k: v for k, v in row.items() if k not in secret} for row in rows]
    held["audit"] = [
        {name: _own(person, getattr(entry, name)) if name == "actor" else getattr(entry, name) for name in AUDIT}
        for entry in traces.naming(AuditEntry, person)
    ]
    for model in traces.TEXTS.keys() - {AuditEntry}:
        held[model._meta.table_name] = [
            {name: _own(person, value) if name in ACTORS else value for name, value in row.__data__.items()}
            for row in traces.naming(model, person)
        ]
    return held


def _own(person: Person, actor: str) -> str:
    return OTHER if "@" in actor and not person.is_named_in(actor) else actor


def _of_sessions(model: Table, person: Person) -> Iterator[Any]:
    for session in traces.sessions(person):
        for row in model.select().where(traces.of_session(model, session)).order_by(model.id):
            for name in ACTORS & row.__data__.keys():
                setattr(row, name, _own(person, getattr(row, name)))
            yield row


def _write_csv(out: io.TextIOBase, model: Table, rows: Iterable[Any]) -> None:
    names = [field.name for field in model._meta.sorted_fields]
    writer = csv.writer(out)
    writer.writerow([model._meta.fields[name].column_name for name in names])
    for row in rows:
        writer.writerow([_cell(row.__data__.get(name)) for name in names])


def _cell(value: Any) -> Any:
    """Return a value for a cell. A text that a spreadsheet would take for a formula has an apostrophe before it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _text(archive: zipfile.ZipFile, name: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(archive.open(name, "w"), encoding="utf-8", newline="")
