"""How long the rows of each table are kept. A test compares this with the models: a new table needs a decision."""

from __future__ import annotations

from dataclasses import dataclass

from peewee import Field

from polaris.domain.commands import catalog
from polaris.models import (
    Account,
    Acknowledgement,
    AuditEntry,
    AuthenticatorApp,
    Bridge,
    BulkCommand,
    BulkItem,
    Charger,
    ChargerConnection,
    ChargerFirmware,
    ChargerNotice,
    ChargingSession,
    ClockSample,
    Command,
    Commissioning,
    Connector,
    EnergyCorrection,
    EvCard,
    FleetFilter,
    Invitation,
    Mail,
    MeterReading,
    Notice,
    NoticeChoice,
    NoticePush,
    Passkey,
    PasswordReset,
    PushSubscription,
    RecoveryCode,
    RememberedAnswer,
    SentForm,
    SessionDay,
    SessionLimit,
    SessionNote,
    SettingsBaseline,
    SignIn,
    Site,
    StopRequest,
    Tariff,
    TransactionEvent,
    UnknownCard,
    UnmatchedEnd,
    UnprocessableFact,
    UnrecognisedCharger,
    Wall,
)
from polaris.models.fields import BaseModel, InstantField


@dataclass(frozen=True, slots=True)
class Age:
    """Rows are deleted so long after the instant in a column, which has an index, `unless` this SQL is true of them."""

    of: InstantField
    days: str | int  # a setting's name, or a number
    unless: str = "FALSE"

    @property
    def key(self) -> Field:
        key: Field = self.of.model._meta.primary_key
        return key


# A command of a session goes with that, since a rebuild of the session may need it. The last change of a key says
# whether another may be made; a charger's commands are bounded in number beside that.
AGES: dict[type[BaseModel], Age] = {
    Acknowledgement: Age(Acknowledgement.seen_at, 30),
    Bridge: Age(Bridge.lease_until_at, 30, unless="EXISTS (SELECT 1 FROM charger WHERE charger.bridge_id = bridge.id)"),
    ChargerConnection: Age(ChargerConnection.ended_at, "records_days"),
    BulkItem: Age(BulkItem.requested_at, "notices_days"),
    BulkCommand: Age(BulkCommand.requested_at, "notices_days"),
    ChargerNotice: Age(ChargerNotice.received_at, "notices_days"),
    ClockSample: Age(ClockSample.at, "records_days"),
    Command: Age(
        Command.requested_at, "notices_days", unless=f"session_id IS NOT NULL OR kind = '{catalog.CHANGE_KEY}'"
    ),
    Invitation: Age(Invitation.expires_at, 0),
    Notice: Age(Notice.noted_at, 30),
    PasswordReset: Age(PasswordReset.expires_at, 0),
    SentForm: Age(SentForm.at, 30),
    SignIn: Age(SignIn.last_seen_at, "sign_ins_days"),
    UnknownCard: Age(UnknownCard.last_at, "records_days"),
    UnmatchedEnd: Age(UnmatchedEnd.received_at, "records_days"),
    UnprocessableFact: Age(UnprocessableFact.received_at, "records_days"),
    UnrecognisedCharger: Age(UnrecognisedCharger.last_at, 30),
    Wall: Age(Wall.ends_at, 30),
}

# Thinned or deleted once their session is final, `readings_days` after its end.
WITH_SESSION: frozenset[type[BaseModel]] = frozenset(
    {MeterReading, TransactionEvent, StopRequest, SessionLimit, Command}
)

STAYS: dict[type[BaseModel], str] = {
    Account: "until it is erased",
    AuthenticatorApp: "until its account is erased, or it is removed",
    AuditEntry: "the log shows who did what, and each row vouches for the one before",
    Charger: "part of the installation",
    ChargerFirmware: "at most 20 for each charger",
    ChargingSession: "accounting; after an erasure under a pseudonym",
    Commissioning: "part of the installation: what its charger was like when it was new",
    Connector: "part of the installation",
    EnergyCorrection: "accounting",
    EvCard: "until its account is erased",
    FleetFilter: "at most 100, until an operator deletes it, or a person is erased whom it names",
    Mail: "goes with what it is about",
    NoticeChoice: "until its account is erased, or chooses something else",
    NoticePush: "goes with its notice, or its device",
    Passkey: "until its account is erased, or it is removed",
    PushSubscription: "goes with its sign-in",
    RecoveryCode: "until it is used, or its account has no other second factor",
    RememberedAnswer: "at most 64 for each charger, until it boots",
    SessionDay: "accounting: it follows from its session, and goes with it",
    SessionNote: "accounting: what its session's figure rests on",
    SettingsBaseline: "at most 50, until an operator deletes it, or a person is erased whom it names",
    Site: "part of the installation",
    Tariff: "accounting",
}
