"""The tables, one model a file, and their database. Permissions are the callers' concern."""

from polaris.domain.instants import EPOCH, from_microseconds, to_microseconds
from polaris.models.account import Account
from polaris.models.acknowledgement import Acknowledgement
from polaris.models.audit import AuditEntry
from polaris.models.authenticator_app import AuthenticatorApp
from polaris.models.bridge import Bridge
from polaris.models.bulk import Bulk
from polaris.models.bulk_command import BulkCommand, BulkItem
from polaris.models.charger import Charger, is_held
from polaris.models.charger_connection import ChargerConnection
from polaris.models.charger_firmware import ChargerFirmware
from polaris.models.charger_notice import ChargerNotice
from polaris.models.clock_sample import ClockSample
from polaris.models.command import Command
from polaris.models.commissioning import Commissioning
from polaris.models.connection import (
    blocking,
    close,
    connect,
    database,
    kept,
    locked,
    migrate,
    run_blocking,
    take_turns,
)
from polaris.models.connector import Connector
from polaris.models.counting import bounded_count
from polaris.models.energy_correction import EnergyCorrection
from polaris.models.ev_card import EvCard
from polaris.models.fleet_filter import FleetFilter
from polaris.models.invitation import Invitation
from polaris.models.mail import Mail
from polaris.models.meter_reading import MeterReading
from polaris.models.notice import Notice, NoticeChoice, NoticePush, PushSubscription
from polaris.models.passkey import Passkey
from polaris.models.password_reset import PasswordReset
from polaris.models.recovery_code import RecoveryCode
from polaris.models.remembered_answer import RememberedAnswer
from polaris.models.row_query import ModelQuery, RowQuery
from polaris.models.sent_form import SentForm
from polaris.models.session import EFFECTIVE_WH, ChargingSession
from polaris.models.session_day import SessionDay
from polaris.models.session_limit import SessionLimit
from polaris.models.session_note import SessionNote
from polaris.models.settings_baseline import SettingsBaseline
from polaris.models.sign_in import SignIn
from polaris.models.site import Site
from polaris.models.stop_request import StopRequest
from polaris.models.storage import check_storage
from polaris.models.tariff import Tariff
from polaris.models.transaction_event import TransactionEvent
from polaris.models.unknown_card import UnknownCard
from polaris.models.unmatched_end import UnmatchedEnd
from polaris.models.unprocessable_fact import UnprocessableFact
from polaris.models.unrecognised_charger import UnrecognisedCharger
from polaris.models.wall import Wall

__all__ = [
    "EFFECTIVE_WH",
    "EPOCH",
    "Account",
    "Acknowledgement",
    "AuditEntry",
    "AuthenticatorApp",
    "Bridge",
    "Bulk",
    "BulkCommand",
    "BulkItem",
    "Charger",
    "ChargerConnection",
    "ChargerFirmware",
    "ChargerNotice",
    "ChargingSession",
    "ClockSample",
    "Command",
    "Commissioning",
    "Connector",
    "EnergyCorrection",
    "EvCard",
    "FleetFilter",
    "Invitation",
    "Mail",
    "MeterReading",
    "ModelQuery",
    "Notice",
    "NoticeChoice",
    "NoticePush",
    "Passkey",
    "PasswordReset",
    "PushSubscription",
    "RecoveryCode",
    "RememberedAnswer",
    "RowQuery",
    "SentForm",
    "SessionDay",
    "SessionLimit",
    "SessionNote",
    "SettingsBaseline",
    "SignIn",
    "Site",
    "StopRequest",
    "Tariff",
    "TransactionEvent",
    "UnknownCard",
    "UnmatchedEnd",
    "UnprocessableFact",
    "UnrecognisedCharger",
    "Wall",
    "blocking",
    "bounded_count",
    "check_storage",
    "close",
    "connect",
    "database",
    "from_microseconds",
    "is_held",
    "kept",
    "locked",
    "migrate",
    "run_blocking",
    "take_turns",
    "to_microseconds",
]
