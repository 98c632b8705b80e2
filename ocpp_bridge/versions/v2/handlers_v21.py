"""OCPP 2.1: 2.0.1 and the Actions that it adds. Its SEND, which gets no answer, is decoded as a CALL is."""

from __future__ import annotations

from typing import Any

from ocpp.v21 import call_result
from ocpp.v21.enums import (
    Action,
    CertificateStatusEnumType,
    CertificateStatusSourceEnumType,
    ChargingProfileStatusEnumType,
    GenericStatusEnumType,
    HashAlgorithmEnumType,
)

from ocpp_bridge import ocppj
from ocpp_bridge.ocppj import CallRefused, Fault
from ocpp_bridge.versions import timestamps
from ocpp_bridge.versions.base import Handler, IncomingCall, NoFields
from ocpp_bridge.versions.notifications import keep, kept
from ocpp_bridge.versions.v2.commands import COMMANDS_V21
from ocpp_bridge.versions.v2.handlers import V201
from ocpp_bridge.versions.v2.payloads import CertificateChain, CertificateStatus, IdToken, VatNumberValidation
from polaris.domain.facts import ChargerNotified
from polaris.domain.limit import MILLI, LimitKind
from polaris.ingest import Limited, Outcome, SentLimit, Started

# The schema's limits: a longer value of the charger's would make our answer invalid.
MAX_VAT_NUMBER_LENGTH = 20
MAX_CERTIFICATES = 4
MAX_HASH_LENGTH, MAX_SERIAL_LENGTH = 128, 40


def _certificate_chain_answer(request: CertificateChain, call: IncomingCall, _: None) -> object:
    """Name each certificate in the answer; Polaris cannot look any of them up."""
    at = timestamps.wire(call.received_at)
    statuses = [_failed(status, at) for status in request.certificate_status_requests[:MAX_CERTIFICATES]]
    if not statuses:
        raise CallRefused(Fault.OCCURRENCE, "It names no certificate.")
    return call_result.GetCertificateChainStatus(certificate_status=statuses)


def _failed(request: CertificateStatus, at: str) -> dict[str, object]:
    certificate, hashes = request.certificate_hash_data, [*HashAlgorithmEnumType]
    sources = [*CertificateStatusSourceEnumType]
    return {
        "certificateHashData": {
            "hashAlgorithm": certificate.hash_algorithm if certificate.hash_algorithm in hashes else hashes[0],
            "issuerNameHash": certificate.issuer_name_hash[:MAX_HASH_LENGTH],
            "issuerKeyHash": certificate.issuer_key_hash[:MAX_HASH_LENGTH],
            "serialNumber": certificate.serial_number[:MAX_SERIAL_LENGTH],
        },
        "source": request.source if request.source in sources else sources[0],
        "status": CertificateStatusEnumType.failed,
        "nextUpdate": at,
    }


def _vat_number_answer(request: VatNumberValidation, _: IncomingCall, __: None) -> object:
    """Reject every number; Polaris cannot look any of them up."""
    number = request.vat_number[:MAX_VAT_NUMBER_LENGTH]
    return call_result.VatNumberValidation(vat_number=number, status=GenericStatusEnumType.rejected)


def _event_stream(request: NoFields, call: IncomingCall) -> ChargerNotified:
    if not call.is_send:
        raise CallRefused(Fault.FORMAT, "This is sent with SEND.")
    return keep(request, call)


HANDLERS: dict[str, Handler] = {
    Action.battery_swap: kept(),
    Action.close_periodic_event_stream: kept(),
    Action.get_certificate_chain_status: Handler(keep, _certificate_chain_answer, CertificateChain),
    Action.notify_der_alarm: kept(),
    Action.notify_der_start_stop: kept(),
    Action.notify_priority_charging: kept(),
    Action.notify_settlement: kept(),
    Action.notify_web_payment_started: kept(),
    Action.open_periodic_event_stream: kept(call_result.OpenPeriodicEventStream(GenericStatusEnumType.rejected)),
    Action.pull_dynamic_schedule_update: kept(
        call_result.PullDynamicScheduleUpdate(ChargingProfileStatusEnumType.rejected)
    ),
    Action.report_der_control: kept(),
    Action.vat_number_validation: Handler(keep, _vat_number_answer, VatNumberValidation),
    "NotifyPeriodicEventStream": Handler(_event_stream),  # a SEND, which the package does not list
}


_LIMITS = {LimitKind.ENERGY: "maxEnergy", LimitKind.SOC: "maxSoC", LimitKind.TIME: "maxTime"}


def _transaction_limit(limit: SentLimit) -> dict[str, object]:
    """Return a `TransactionLimitType`, which takes the place of the one before. One without fields limits nothing."""
    if limit.kind is LimitKind.MONEY:
        return {"maxCost": limit.value / MILLI}
    return {_LIMITS[limit.kind]: limit.value} if limit.kind in _LIMITS else {}


class V21(V201):
    """OCPP 2.1. One instance serves all its chargers of a process; Actions of 2.0.1 are answered as in 2.0.1."""

    subprotocol = "ocpp2.1"
    message_types: tuple[int, ...] = (*V201.message_types, ocppj.CALLRESULTERROR, ocppj.SEND)
    actions: Any = Action.__members__
    commands = COMMANDS_V21
    shared_handlers = V201.shared_handlers | HANDLERS
    max_id_token_length = 255

    def _event_answer(self, token: IdToken | None, call: IncomingCall, outcome: Outcome) -> object:
        """Answer as in 2.0.1, and tell a limit that the driver has set, changed or removed since (E16)."""
        answer: Any = super()._event_answer(token, call, outcome)
        limit = outcome.limit if isinstance(outcome, Started | Limited) else None
        if limit is None:
            return answer
        info = None if answer is None else answer.id_token_info
        return call_result.TransactionEvent(id_token_info=info, transaction_limit=_transaction_limit(limit))
