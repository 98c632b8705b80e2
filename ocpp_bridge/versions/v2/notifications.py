"""The OCPP 2.x messages that are kept as they came and change no session: the newest of each is kept.

What Polaris does not do (certificates, charging schedules) is refused in the message's own words, never by silence.
"""

from __future__ import annotations

from typing import Any

from ocpp.v201.enums import (  # type: ignore[import-untyped]
    Action,
    DataTransferStatusEnumType,
    GenericStatusEnumType,
    GetCertificateStatusEnumType,
    Iso15118EVCertificateStatusEnumType,
    NotifyEVChargingNeedsStatusEnumType,
)

from ocpp_bridge.versions import security_events
from ocpp_bridge.versions.base import CentralSystem, IncomingCall, on
from ocpp_bridge.versions.v2.payloads import Notification, ReportPart
from polaris.domain.facts import ChargerNotified

REPORTS = (  # that come in many parts, which are numbered
    Action.notify_customer_information,
    Action.notify_event,
    Action.notify_monitoring_report,
    Action.notify_report,
)


class NoticesV2:
    """Handlers that 2.0.1 and 2.1 share; `results` are the version's own dataclasses."""

    results: Any

    def __init__(self, central_system: CentralSystem) -> None:
        self._central_system = central_system

    @on(Action.cleared_charging_limit)
    async def on_cleared_charging_limit(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.cleared_charging_limit)
        return self.results.ClearedChargingLimit()

    @on(Action.data_transfer)
    async def on_data_transfer(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.data_transfer)
        return self.results.DataTransfer(status=DataTransferStatusEnumType.unknown_vendor_id)

    @on(Action.firmware_status_notification)
    async def on_firmware_status_notification(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.firmware_status_notification)
        return self.results.FirmwareStatusNotification()

    @on(Action.get_15118_ev_certificate)
    async def on_get_15118_ev_certificate(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.get_15118_ev_certificate)
        return self.results.Get15118EVCertificate(status=Iso15118EVCertificateStatusEnumType.failed, exi_response="")

    @on(Action.get_certificate_status)
    async def on_get_certificate_status(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.get_certificate_status)
        return self.results.GetCertificateStatus(status=GetCertificateStatusEnumType.failed)

    @on(Action.log_status_notification)
    async def on_log_status_notification(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.log_status_notification)
        return self.results.LogStatusNotification()

    @on(Action.notify_charging_limit)
    async def on_notify_charging_limit(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.notify_charging_limit)
        return self.results.NotifyChargingLimit()

    @on(Action.notify_customer_information)
    async def on_notify_customer_information(self, message: IncomingCall, part: ReportPart) -> object:
        await self._keep_part(message, Action.notify_customer_information, part)
        return self.results.NotifyCustomerInformation()

    @on(Action.notify_display_messages)
    async def on_notify_display_messages(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.notify_display_messages)
        return self.results.NotifyDisplayMessages()

    @on(Action.notify_ev_charging_needs)
    async def on_notify_ev_charging_needs(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.notify_ev_charging_needs)
        return self.results.NotifyEVChargingNeeds(status=NotifyEVChargingNeedsStatusEnumType.rejected)

    @on(Action.notify_ev_charging_schedule)
    async def on_notify_ev_charging_schedule(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.notify_ev_charging_schedule)
        return self.results.NotifyEVChargingSchedule(status=GenericStatusEnumType.accepted)

    @on(Action.notify_event)
    async def on_notify_event(self, message: IncomingCall, part: ReportPart) -> object:
        await self._keep_part(message, Action.notify_event, part)
        return self.results.NotifyEvent()

    @on(Action.notify_monitoring_report)
    async def on_notify_monitoring_report(self, message: IncomingCall, part: ReportPart) -> object:
        await self._keep_part(message, Action.notify_monitoring_report, part)
        return self.results.NotifyMonitoringReport()

    @on(Action.notify_report)
    async def on_notify_report(self, message: IncomingCall, part: ReportPart) -> object:
        await self._keep_part(message, Action.notify_report, part)
        return self.results.NotifyReport()

    @on(Action.publish_firmware_status_notification)
    async def on_publish_firmware_status_notification(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.publish_firmware_status_notification)
        return self.results.PublishFirmwareStatusNotification()

    @on(Action.report_charging_profiles)
    async def on_report_charging_profiles(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.report_charging_profiles)
        return self.results.ReportChargingProfiles()

    @on(Action.reservation_status_update)
    async def on_reservation_status_update(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.reservation_status_update)
        return self.results.ReservationStatusUpdate()

    @on(Action.security_event_notification)
    async def on_security_event_notification(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.security_event_notification)
        said = message.raw
        security_events.alarm(message.identity, str(said.get("type", "")), str(said.get("techInfo", "")))
        return self.results.SecurityEventNotification()

    @on(Action.sign_certificate)
    async def on_sign_certificate(self, message: IncomingCall, _: Notification) -> object:
        await self._keep(message, Action.sign_certificate)
        return self.results.SignCertificate(status=GenericStatusEnumType.rejected)

    async def _keep_part(self, message: IncomingCall, topic: str, part: ReportPart) -> None:
        """Keep a part of a report beside its others."""
        await self._central_system.store(
            ChargerNotified(
                charger_id=message.charger_id,
                received_at=message.received_at,
                raw=message.raw,
                topic=str(topic),
                request="" if part.request_id is None else str(part.request_id),
                part=part.seq_no,
            )
        )

    async def _keep(self, message: IncomingCall, topic: str) -> None:
        await self._central_system.store(
            ChargerNotified(
                charger_id=message.charger_id, received_at=message.received_at, raw=message.raw, topic=str(topic)
            )
        )
