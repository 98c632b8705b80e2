"""OCPP 1.6: the messages of a charger that change no session, each kept as the latest of its kind and answered.

Firmware, diagnostics, data transfer, and the security whitepaper's.
"""

from __future__ import annotations

from ocpp.v16 import call_result  # type: ignore[import-untyped]
from ocpp.v16.enums import Action, DataTransferStatus, GenericStatus  # type: ignore[import-untyped]

from ocpp_bridge.versions import security_events
from ocpp_bridge.versions.base import CentralSystem, IncomingCall, on
from ocpp_bridge.versions.v16 import payloads
from polaris.domain.facts import ChargerNotified


class Notices:
    """The handlers of what is only kept. What has the other handlers too gives it its central system."""

    _central_system: CentralSystem

    @on(Action.data_transfer)
    async def on_data_transfer(self, message: IncomingCall, _: payloads.Notification) -> call_result.DataTransfer:
        await self._keep(message, Action.data_transfer)
        return call_result.DataTransfer(status=DataTransferStatus.unknown_vendor_id)

    @on(Action.firmware_status_notification)
    async def on_firmware_status_notification(
        self, message: IncomingCall, _: payloads.Notification
    ) -> call_result.FirmwareStatusNotification:
        await self._keep(message, Action.firmware_status_notification)
        return call_result.FirmwareStatusNotification()

    @on(Action.diagnostics_status_notification)
    async def on_diagnostics_status_notification(
        self, message: IncomingCall, _: payloads.Notification
    ) -> call_result.DiagnosticsStatusNotification:
        await self._keep(message, Action.diagnostics_status_notification)
        return call_result.DiagnosticsStatusNotification()

    @on(Action.log_status_notification)
    async def on_log_status_notification(
        self, message: IncomingCall, _: payloads.Notification
    ) -> call_result.LogStatusNotification:
        await self._keep(message, Action.log_status_notification)
        return call_result.LogStatusNotification()

    @on(Action.signed_firmware_status_notification)
    async def on_signed_firmware_status_notification(
        self, message: IncomingCall, _: payloads.Notification
    ) -> call_result.SignedFirmwareStatusNotification:
        await self._keep(message, Action.signed_firmware_status_notification)
        return call_result.SignedFirmwareStatusNotification()

    @on(Action.security_event_notification)
    async def on_security_event_notification(
        self, message: IncomingCall, event: payloads.SecurityEventNotification
    ) -> call_result.SecurityEventNotification:
        await self._keep(message, security_events.topic(event.type))
        security_events.alarm(message.identity, event.type, event.tech_info)
        return call_result.SecurityEventNotification()

    @on(Action.sign_certificate)
    async def on_sign_certificate(self, message: IncomingCall, _: payloads.Notification) -> call_result.SignCertificate:
        """Polaris signs no certificates: they come from the operator's own authority."""
        await self._keep(message, Action.sign_certificate)
        return call_result.SignCertificate(status=GenericStatus.rejected)

    async def _keep(self, message: IncomingCall, topic: str) -> None:
        await self._central_system.store(
            ChargerNotified(
                charger_id=message.charger_id, received_at=message.received_at, raw=message.raw, topic=str(topic)
            )
        )
