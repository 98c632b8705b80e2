"""OCPP 2.1: 2.0.1 and what it adds. Its SEND, which gets no answer, is read by the frame loop as a CALL is."""

from __future__ import annotations

from typing import Any

from ocpp.v21 import call_result  # type: ignore[import-untyped]
from ocpp.v21.enums import (  # type: ignore[import-untyped]
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
from ocpp_bridge.versions.base import IncomingCall, on
from ocpp_bridge.versions.v2.commands import CALLS_V21
from ocpp_bridge.versions.v2.handlers import V201
from ocpp_bridge.versions.v2.payloads import CertificateChain, CertificateStatus, Notification, VatNumberValidation

MAX_VAT_NUMBER_LENGTH = 20
MAX_CERTIFICATES = 4  # in one answer
MAX_HASH_LENGTH, MAX_SERIAL_LENGTH = 128, 40


class V21(V201):
    """The handlers of all 2.1 chargers of a process."""

    subprotocol = "ocpp2.1"
    message_types: tuple[int, ...] = (*V201.message_types, ocppj.CALLRESULTERROR, ocppj.SEND)
    calls = CALLS_V21
    actions = Action
    results: Any = call_result
    requests = V201.requests | {
        Action.get_certificate_chain_status: CertificateChain,
        Action.vat_number_validation: VatNumberValidation,
    }
    longest_id_token = 255

    @on(Action.battery_swap)
    async def on_battery_swap(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.battery_swap)
        return self.results.BatterySwap()

    @on(Action.close_periodic_event_stream)
    async def on_close_periodic_event_stream(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.close_periodic_event_stream)
        return self.results.ClosePeriodicEventStream()

    @on(Action.get_certificate_chain_status)
    async def on_get_certificate_chain_status(self, message: IncomingCall, asked: CertificateChain) -> object:
        """Nobody here can look certificates up: each is answered, as it was named."""
        await self._keep(message, Action.get_certificate_chain_status)
        at = timestamps.wire(message.received_at)
        each = [_not_looked_up(one, at) for one in asked.certificate_status_requests[:MAX_CERTIFICATES]]
        if not each:
            raise CallRefused(Fault.OCCURRENCE, "It names no certificate.")
        return self.results.GetCertificateChainStatus(certificate_status=each)

    @on(Action.notify_der_alarm)
    async def on_notify_der_alarm(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.notify_der_alarm)
        return self.results.NotifyDERAlarm()

    @on(Action.notify_der_start_stop)
    async def on_notify_der_start_stop(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.notify_der_start_stop)
        return self.results.NotifyDERStartStop()

    @on(Action.notify_priority_charging)
    async def on_notify_priority_charging(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.notify_priority_charging)
        return self.results.NotifyPriorityCharging()

    @on(Action.notify_settlement)
    async def on_notify_settlement(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.notify_settlement)
        return self.results.NotifySettlement()

    @on(Action.notify_web_payment_started)
    async def on_notify_web_payment_started(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.notify_web_payment_started)
        return self.results.NotifyWebPaymentStarted()

    @on(Action.open_periodic_event_stream)
    async def on_open_periodic_event_stream(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.open_periodic_event_stream)
        return self.results.OpenPeriodicEventStream(status=GenericStatusEnumType.rejected)

    @on(Action.pull_dynamic_schedule_update)
    async def on_pull_dynamic_schedule_update(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.pull_dynamic_schedule_update)
        return self.results.PullDynamicScheduleUpdate(status=ChargingProfileStatusEnumType.rejected)

    @on(Action.report_der_control)
    async def on_report_der_control(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.report_der_control)
        return self.results.ReportDERControl()

    @on(Action.vat_number_validation)
    async def on_vat_number_validation(self, message: IncomingCall, request: VatNumberValidation) -> object:
        """Nobody here can look it up."""
        await self._keep(message, Action.vat_number_validation)
        number = request.vat_number[:MAX_VAT_NUMBER_LENGTH]
        return self.results.VatNumberValidation(vat_number=number, status=GenericStatusEnumType.rejected)

    @on("NotifyPeriodicEventStream")
    async def on_notify_periodic_event_stream(self, message: IncomingCall, _: Notification) -> None:
        """A SEND: there is no answer to it."""
        if not message.is_send:
            raise CallRefused(Fault.FORMAT, "This is sent with SEND.")
        await self._keep(message, "NotifyPeriodicEventStream")


def _not_looked_up(asked: CertificateStatus, at: str) -> dict[str, object]:
    named, hashes, sources = asked.certificate_hash_data, [*HashAlgorithmEnumType], [*CertificateStatusSourceEnumType]
    return {
        "certificateHashData": {
            "hashAlgorithm": named.hash_algorithm if named.hash_algorithm in hashes else hashes[0],
            "issuerNameHash": named.issuer_name_hash[:MAX_HASH_LENGTH],
            "issuerKeyHash": named.issuer_key_hash[:MAX_HASH_LENGTH],
            "serialNumber": named.serial_number[:MAX_SERIAL_LENGTH],
        },
        "source": asked.source if asked.source in sources else sources[0],
        "status": CertificateStatusEnumType.failed,
        "nextUpdate": at,
    }
