"""The places in the database that have a person's data: by reference to the account or its sessions, and in texts.

A test compares these tables with the models: one that refers to accounts, sessions or cards needs a decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Any

from peewee import Field, fn

from polaris.administration.accounts import find_account
from polaris.domain.person import Person
from polaris.models import (
    Acknowledgement,
    AuditEntry,
    AuthenticatorApp,
    BulkCommand,
    ChargerNotice,
    ChargingSession,
    Command,
    Commissioning,
    EnergyCorrection,
    EvCard,
    FleetFilter,
    MeterReading,
    Notice,
    NoticeChoice,
    Passkey,
    PushSubscription,
    RecoveryCode,
    SessionDay,
    SessionLimit,
    SessionNote,
    SettingsBaseline,
    SignIn,
    StopRequest,
    TransactionEvent,
    UnknownCard,
    UnmatchedEnd,
    UnprocessableFact,
)

Table = Any  # a model's class, whose columns peewee gives no types

MAX_READ = 100  # rows at a time: a part of a report has up to 4 MB
SEPARATORS = " :-"  # that a UID or a contract's id may have

# Deleted at an erasure, and exported without these columns, which sign somebody in.
OF_ACCOUNT: dict[Table, frozenset[str]] = {
    EvCard: frozenset(),
    # Before the sign-ins, with which they would go.
    PushSubscription: frozenset({"sign_in", "endpoint", "p256dh", "auth", "server_key"}),
    NoticeChoice: frozenset(),
    Notice: frozenset(),
    SignIn: frozenset({"id"}),
    Passkey: frozenset({"credential_id", "public_key"}),
    AuthenticatorApp: frozenset({"sealed_secret", "last_step"}),
    RecoveryCode: frozenset({"code_hash"}),
}
# Kept at an erasure, for accounting; the account that they refer to has a pseudonym from then on.
KEPT_OF_ACCOUNT: frozenset[Table] = frozenset({ChargingSession, Command, Commissioning, SessionDay, StopRequest})
# Exported with their sessions.
OF_SESSION: frozenset[Table] = frozenset(
    {
        MeterReading,
        SessionDay,
        SessionLimit,
        SessionNote,
        EnergyCorrection,
        StopRequest,
        Command,
        UnmatchedEnd,
        TransactionEvent,
    }
)
# Columns in which a person may be named, beside the id tags of sessions, events and unmatched ends.
TEXTS: dict[Table, tuple[Field, ...]] = {
    Acknowledgement: (Acknowledgement.actor, Acknowledgement.note),
    AuditEntry: (AuditEntry.actor, AuditEntry.target, AuditEntry.detail),
    BulkCommand: (BulkCommand.requested_by, BulkCommand.arguments, BulkCommand.fleet_filter),
    ChargerNotice: (ChargerNotice.payload,),
    Commissioning: (Commissioning.began_by, Commissioning.skipped, Commissioning.report),
    Command: (Command.requested_by, Command.arguments, Command.answer, Command.frame),
    EnergyCorrection: (EnergyCorrection.actor, EnergyCorrection.why),
    FleetFilter: (FleetFilter.name, FleetFilter.query),
    SettingsBaseline: (SettingsBaseline.name, SettingsBaseline.settings),
    UnprocessableFact: (UnprocessableFact.payload,),
}


def find(email: str) -> Person:
    """Return the person of an address. Raise `Refused` if there is none."""
    account = find_account(email)
    cards = EvCard.select(EvCard.id_tag).where(EvCard.account == account)
    return Person(account.id, account.email, [card.id_tag for card in cards])


def with_former_cards(person: Person) -> Person:
    """Return the person with the cards of all their sessions, of which some may have been removed since."""
    tags = ChargingSession.select(ChargingSession.id_tag).where(ChargingSession.account == person.account_id).distinct()
    others = EvCard.select(EvCard.id_tag).where(EvCard.account != person.account_id)
    former = [session.id_tag for session in tags.where(ChargingSession.id_tag.not_in(others)) if session.id_tag]
    return Person(person.account_id, person.email, person.id_tags.union(former))


def other_id_tags(person: Person) -> frozenset[str]:
    """Return the id tags of all other cards that are known, with and without their types."""
    of_cards = EvCard.select(EvCard.id_tag).where(EvCard.account != person.account_id)
    of_nobody = UnknownCard.select(UnknownCard.id_tag)
    is_others = ChargingSession.account.is_null() | (ChargingSession.account != person.account_id)
    of_sessions = ChargingSession.select(ChargingSession.id_tag).where(is_others).distinct()
    tags = {row.id_tag for query in (of_cards, of_nobody, of_sessions) for row in query if row.id_tag}
    return Person(0, "", tags).tokens


def naming(model: Table, person: Person) -> Iterator[Any]:
    """Yield the rows of a table whose texts name a person. The database looks for them first, as it is faster."""
    words = [_without_separators(word) for word in (person.email, *person.tokens)]
    may_name = reduce(or_, (_plain(field).contains(word) for field in TEXTS[model] for word in words))
    for row in walk(model, may_name):
        if any(person.is_named_in(getattr(row, field.name)) for field in TEXTS[model]):
            yield row


def sessions(person: Person, *conditions: Any) -> Iterator[ChargingSession]:
    """Yield a person's sessions, and those of the cards from before they were added to the account."""
    is_before = ChargingSession.account.is_null() & ChargingSession.id_tag.in_(person.id_tags)
    return walk(ChargingSession, (ChargingSession.account == person.account_id) | is_before, *conditions)


def _plain(field: Field) -> Any:
    text: Any = field
    for separator in SEPARATORS:
        text = fn.REPLACE(text, separator, "")
    return text


def _without_separators(word: str) -> str:
    return "".join(character for character in word if character not in SEPARATORS)


def walk(model: Table, *conditions: Any) -> Iterator[Any]:
    """Yield rows in the order of their keys, reading them in parts: a person has any number."""
    key, after = model._meta.primary_key, 0
    while rows := list(model.select().where(key > after, *conditions).order_by(key).limit(MAX_READ)):
        yield from rows
        after = getattr(rows[-1], key.name)


def of_session(model: Table, session: ChargingSession) -> Any:
    """Return the condition for the rows of a session."""
    if model is TransactionEvent:
        return (TransactionEvent.charger == session.charger_id) & (
            TransactionEvent.transaction_id == session.transaction_id
        )
    return model.session == session.number
