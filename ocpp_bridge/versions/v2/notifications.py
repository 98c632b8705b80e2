"""OCPP 2.0.1 Actions that are only kept and answered: a row each.

What Polaris does not do (certificates, charging schedules) is refused with the status that the Action has for that.
"""

from __future__ import annotations

from msgspec.structs import replace
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
from ocpp_bridge.versions.notifications import kept, notified
from ocpp_bridge.versions.security_events import SecurityEvent
from ocpp_bridge.versions.v2 import device_model
from ocpp_bridge.versions.v2.payloads import DeviceModelPart, EventPart, ReportPart
from polaris.domain.facts import ChargerNotified


def _part(part: ReportPart, call: IncomingCall) -> ChargerNotified:
    return notified(call, call.action, "" if part.request_id is None else str(part.request_id), part.seq_no)


def _events(part: EventPart, call: IncomingCall) -> ChargerNotified:
    return replace(_part(part, call), states=device_model.states(part.event_data, call))


def _report(part: DeviceModelPart, call: IncomingCall) -> ChargerNotified:
    return replace(_part(part, call), max_power_w=device_model.max_power_w(part.report_data))


_REPORT = Handler(_part, payload=ReportPart)  # of an Action that comes in numbered parts

HANDLERS: dict[str, Handler] = {
    Action.cleared_charging_limit: kept(),
    Action.data_transfer: kept(call_result.DataTransfer(DataTransferStatusEnumType.unknown_vendor_id)),
    Action.firmware_status_notification: kept(),
    Action.get_15118_ev_certificate: kept(
        call_result.Get15118EVCertificate(Iso15118EVCertificateStatusEnumType.failed, exi_response="")
    ),
    Action.get_certificate_status: kept(call_result.GetCertificateStatus(GetCertificateStatusEnumType.failed)),
    Action.log_status_notification: kept(),
    Action.notify_charging_limit: kept(),
    Action.notify_customer_information: _REPORT,
    Action.notify_display_messages: kept(),
    Action.notify_ev_charging_needs: kept(
        call_result.NotifyEVChargingNeeds(NotifyEVChargingNeedsStatusEnumType.rejected)
    ),
    Action.notify_ev_charging_schedule: kept(call_result.NotifyEVChargingSchedule(GenericStatusEnumType.accepted)),
    Action.notify_event: Handler(_events, payload=EventPart),
    Action.notify_monitoring_report: _REPORT,
    Action.notify_report: Handler(_report, payload=DeviceModelPart),
    Action.publish_firmware_status_notification: kept(),
    Action.report_charging_profiles: kept(),
    Action.reservation_status_update: kept(),
    Action.security_event_notification: Handler(security_events.kept_event, security_events.alarm, SecurityEvent),
    Action.sign_certificate: kept(call_result.SignCertificate(GenericStatusEnumType.rejected)),
}
