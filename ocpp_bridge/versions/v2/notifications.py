"""OCPP 2.0.1 Actions that are only kept and answered: a row each.

What Polaris does not do (certificates, charging schedules) is refused in the Action's own words, so that no charger
waits for an answer.
"""

from __future__ import annotations

from ocpp.v201 import call_result
from ocpp.v201.enums import (
    Action,
    DataTransferStatusEnumType,
    GenericStatusEnumType,
    GetCertificateStatusEnumType,
    Iso15118EVCertificateStatusEnumType,
    NotifyEVChargingNeedsStatusEnumType,
)

from ocpp_bridge.versions import security_events
from ocpp_bridge.versions.base import Handler, IncomingCall
from ocpp_bridge.versions.notifications import keep, kept, notified
from ocpp_bridge.versions.security_events import SecurityEvent
from ocpp_bridge.versions.v2.payloads import ReportPart
from polaris.domain.facts import ChargerNotified


def _report(answer: object) -> Handler:
    """Return the handler of an Action that comes in numbered parts."""
    return Handler(_part, lambda *_: answer, ReportPart)


def _part(part: ReportPart, call: IncomingCall) -> ChargerNotified:
    return notified(call, call.action, "" if part.request_id is None else str(part.request_id), part.seq_no)


def _security_event_answer(event: SecurityEvent, call: IncomingCall, _: None) -> object:
    security_events.alarm(event, call)
    return call_result.SecurityEventNotification()


HANDLERS: dict[str, Handler] = {
    Action.cleared_charging_limit: kept(call_result.ClearedChargingLimit()),
    Action.data_transfer: kept(call_result.DataTransfer(DataTransferStatusEnumType.unknown_vendor_id)),
    Action.firmware_status_notification: kept(call_result.FirmwareStatusNotification()),
    Action.get_15118_ev_certificate: kept(
        call_result.Get15118EVCertificate(Iso15118EVCertificateStatusEnumType.failed, exi_response="")
    ),
    Action.get_certificate_status: kept(call_result.GetCertificateStatus(GetCertificateStatusEnumType.failed)),
    Action.log_status_notification: kept(call_result.LogStatusNotification()),
    Action.notify_charging_limit: kept(call_result.NotifyChargingLimit()),
    Action.notify_customer_information: _report(call_result.NotifyCustomerInformation()),
    Action.notify_display_messages: kept(call_result.NotifyDisplayMessages()),
    Action.notify_ev_charging_needs: kept(
        call_result.NotifyEVChargingNeeds(NotifyEVChargingNeedsStatusEnumType.rejected)
    ),
    Action.notify_ev_charging_schedule: kept(call_result.NotifyEVChargingSchedule(GenericStatusEnumType.accepted)),
    Action.notify_event: _report(call_result.NotifyEvent()),
    Action.notify_monitoring_report: _report(call_result.NotifyMonitoringReport()),
    Action.notify_report: _report(call_result.NotifyReport()),
    Action.publish_firmware_status_notification: kept(call_result.PublishFirmwareStatusNotification()),
    Action.report_charging_profiles: kept(call_result.ReportChargingProfiles()),
    Action.reservation_status_update: kept(call_result.ReservationStatusUpdate()),
    Action.security_event_notification: Handler(keep, _security_event_answer, SecurityEvent),
    Action.sign_certificate: kept(call_result.SignCertificate(GenericStatusEnumType.rejected)),
}
