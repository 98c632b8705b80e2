"""The erasure of a person's data. Sessions stay for accounting, under a pseudonym, and are final from then on.

It is done in small transactions, the account last: one that was interrupted is repeated, and goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from peewee import chunked, fn

from polaris.administration.accounts import refuse_if_last_operator
from polaris.administration.audit import Refused
from polaris.administration.makers_links import end_links
from polaris.audit import NOT_SIGNED_IN, record
from polaris.domain import audit_chain
from polaris.domain.audit_chain import ERASED, WORDS, pseudonym
from polaris.domain.enums import AccountStatus, SessionState
from polaris.domain.person import Person
from polaris.domain.sentences import say
from polaris.models import (
    Account,
    Acknowledgement,
    AuditEntry,
    BulkCommand,
    ChargerNotice,
    ChargingSession,
    Command,
    Commissioning,
    EnergyCorrection,
    FleetFilter,
    Invitation,
    MeterReading,
    Passkey,
    PasswordReset,
    RememberedAnswer,
    SettingsBaseline,
    SignIn,
    TransactionEvent,
    UnknownCard,
    UnmatchedEnd,
    UnprocessableFact,
    blocking,
    database,
    locked,
    to_microseconds,
)
from polaris.pubsub import Announcer, account_changed
from polaris.retention import traces
from polaris.retention.sessions import MAX_ROWS
from polaris.retention.traces import Table

# Actions on a person whose detail is a role, a status or a date: it says nothing of the person once the name is gone.
PLAIN = frozenset(
    {
        "account.added",
        "account.role_changed",
        "account.status_changed",
        "account.factors_reset",
        "card.expiry_set",
        "invitation.accepted",
        "invitation.made",
        "invitation.mailed_again",
        "invitation.withdrawn",
    }
)


class StillCharging(Refused):
    """An erasure that was refused because a session of the person is in progress."""

    def __init__(self, number: int) -> None:
        super().__init__(
            say("Session %(number)s is still in progress. Erase the account when it has ended.", number=number)
        )
        self.number = number


def erase(publisher: Announcer, email: str, *, actor: str, now: datetime) -> int:
    """Erase a person's data; return the number of the account, whose sessions stay. Raise `Refused` if it cannot be."""
    account_id = _close(email, actor, now)
    publisher.announce(account_changed(account_id))
    _erase(email, actor, now)
    publisher.announce(account_changed(account_id))
    return account_id


@blocking
def _close(email: str, actor: str, now: datetime) -> int:
    """Let nobody sign in or charge any more, and end the links that the account has made.

    Raise `Refused` while a session is in progress, and for the only operator.
    """
    with database.atomic():
        person = traces.find(email)
        account = locked(Account.select().where(Account.id == person.account_id)).get()
        is_open = ChargingSession.state == SessionState.ACTIVE
        session = next(traces.sessions(person, is_open), None)
        if session is not None:
            raise StillCharging(session.number)
        refuse_if_last_operator(account)
        Account.update(status=AccountStatus.SUSPENDED, password_hash="").where(Account.id == account.id).execute()
        for model in (SignIn, Passkey):
            _delete_of_account(model, account.id)
        PasswordReset.delete().where(PasswordReset.email == account.email).execute()
        end_links(account, actor, now)
        if account.status != AccountStatus.SUSPENDED:  # what follows takes a while, and may be interrupted
            detail = f"{account.status} to {AccountStatus.SUSPENDED}"
            record(actor, "account.status_changed", account.email, now, detail)
    return person.account_id


@blocking
def _erase(email: str, actor: str, now: datetime) -> None:
    person = traces.find(email)
    for session in traces.sessions(person):
        _erase_session(session, person, now)
    for model in (ChargerNotice, FleetFilter, SettingsBaseline, UnprocessableFact):
        for row in traces.naming(model, person):
            _delete(model, model.id == row.id)
    _delete(UnknownCard, UnknownCard.id_tag.in_(person.id_tags))
    _delete(UnmatchedEnd, UnmatchedEnd.id_tag.in_(person.id_tags))
    _change(TransactionEvent, TransactionEvent.id_tag.in_(person.id_tags), id_tag=None, payload="{}")
    for row in traces.naming(Command, person):
        _erase_command(row, person)
    for row in traces.naming(Acknowledgement, person):
        _rename(row, person, "actor", "note")
    for row in traces.naming(BulkCommand, person):
        names = ("requested_by", "arguments", "fleet_filter")
        changed = {name: person.replaced_in(getattr(row, name), pseudonym(person.account_id)) for name in names}
        _change(BulkCommand, BulkCommand.id == row.id, **changed)
    for row in traces.naming(Commissioning, person):
        names = ("began_by", "skipped", "report")
        changed = {name: person.replaced_in(getattr(row, name), pseudonym(person.account_id)) for name in names}
        _change(Commissioning, Commissioning.id == row.id, **changed)
    for row in traces.naming(EnergyCorrection, person):
        _rename(row, person, "actor", "why")
    _change(Invitation, Invitation.invited_by == person.email, invited_by=pseudonym(person.account_id))
    named = [entry.id for entry in traces.naming(AuditEntry, person)]
    with database.atomic():
        fields = _erase_words(person, named)
        _erase_account(person, now)
        record(_name(person, actor), ERASED, pseudonym(person.account_id), now, f"{fields} fields of the audit log")


def _erase_session(session: ChargingSession, person: Person, now: datetime) -> None:
    """Let a session stay under the pseudonym of its account, without what its charger said of the card."""
    for model in (TransactionEvent, UnmatchedEnd, Command):
        _delete(model, traces.of_session(model, session))
    for numbered in (UnprocessableFact, RememberedAnswer):
        _delete(numbered, (numbered.charger == session.charger_id) & (numbered.number == session.number))
    _change(
        ChargingSession,
        ChargingSession.number == session.number,
        id_tag=pseudonym(person.account_id),
        start_key=f"erased {session.number}",
        card=None,
        final_at=fn.COALESCE(ChargingSession.final_at, to_microseconds(now)),
        revision=ChargingSession.revision + 1,
    )
    for row in MeterReading.select().where(MeterReading.session == session, MeterReading.signed_data != ""):
        if person.is_named_in(row.signed_data):
            _change(MeterReading, MeterReading.id == row.id, signed_data="")


def _erase_command(row: Command, person: Person) -> None:
    """Let a command stay under the pseudonym: a list of cards has those of others, too."""
    names = ("requested_by", "arguments", "answer", "frame")
    changed = {name: person.replaced_in(getattr(row, name), pseudonym(person.account_id)) for name in names}
    if any(map(person.is_named_in, changed.values())):
        _delete(Command, Command.id == row.id)
    else:
        _change(Command, Command.id == row.id, **changed)


def _erase_words(person: Person, named_ids: list[int]) -> int:
    """Replace the words of the audit log that name the person by the pseudonym; return how many fields that were.

    A row that is about the person loses more: its detail, if it may be a browser, and the network address that acted.
    """
    count = 0
    for entry in _entries(named_ids):
        named = {field for field in WORDS if person.is_named_in(getattr(entry, field))}
        if "target" in named:
            if entry.detail and entry.action not in PLAIN:
                named.add("detail")
            if entry.actor.startswith(NOT_SIGNED_IN):
                named.add("actor")
        if "actor" in named and entry.address:
            named.add(audit_chain.ADDRESS)
        if not named:
            continue  # it has come since they were looked for
        row = entry.values()
        seals = audit_chain.seals(row)
        AuditEntry.update(
            **dict.fromkeys(named, pseudonym(person.account_id)),
            salts=json.dumps({field: salt for field, salt in row.salts.items() if field not in named}),
            erased=json.dumps(dict(row.erased) | {field: seals[field] for field in named}),
        ).where(AuditEntry.id == entry.id).execute()
        count += len(named)
    return count


def _entries(ids: list[int]) -> Iterator[AuditEntry]:
    """Yield these rows, and those that have come since."""
    for some in chunked(ids, MAX_ROWS):
        yield from AuditEntry.select().where(AuditEntry.id.in_(some)).order_by(AuditEntry.id)
    yield from traces.walk(AuditEntry, AuditEntry.id > max(ids, default=0))


def _erase_account(person: Person, now: datetime) -> None:
    locked(Account.select().where(Account.id == person.account_id)).get()  # a card may be added at this moment
    for model in traces.OF_ACCOUNT:
        _delete_of_account(model, person.account_id)
    Account.update(email=pseudonym(person.account_id), name="", erased_at=now).where(
        Account.id == person.account_id
    ).execute()


def _delete_of_account(model: Table, account_id: int) -> None:
    model.delete().where(model.account == account_id).execute()


def _name(person: Person, actor: str) -> str:
    """Return the actor of an erasure, who may be the erased person."""
    return pseudonym(person.account_id) if person.is_named_in(actor) else actor


def _rename(row: Any, person: Person, *names: str) -> None:
    named = [name for name in names if person.is_named_in(getattr(row, name))]
    _change(type(row), type(row).id == row.id, **dict.fromkeys(named, pseudonym(person.account_id)))


def _change(model: Table, rows: Any, **values: Any) -> None:
    with database.atomic():
        model.update(**values).where(rows).execute()


def _delete(model: Table, rows: Any) -> None:
    """Delete rows in small transactions."""
    key, deleted = model._meta.primary_key, MAX_ROWS
    while deleted == MAX_ROWS:
        with database.atomic():
            deleted = model.delete().where(key.in_(model.select(key).where(rows).limit(MAX_ROWS))).execute()
