"""OCPP 1.6 Actions that are only kept and answered, including those of the security whitepaper: a row each."""

from __future__ import annotations

from ocpp.v16 import call_result
from ocpp.v16.enums import Action, DataTransferStatus, GenericStatus

from ocpp_bridge.versions import security_events
from ocpp_bridge.versions.base import Handler
from ocpp_bridge.versions.notifications import kept
from ocpp_bridge.versions.security_events import SecurityEvent

HANDLERS: dict[str, Handler] = {
    Action.data_transfer: kept(call_result.DataTransfer(DataTransferStatus.unknown_vendor_id)),
    Action.diagnostics_status_notification: kept(),
    Action.firmware_status_notification: kept(),
    Action.log_status_notification: kept(),
    Action.security_event_notification: Handler(security_events.kept_event, security_events.alarm, SecurityEvent),
    # Polaris signs no certificates: they come from the operator's own authority.
    Action.sign_certificate: kept(call_result.SignCertificate(GenericStatus.rejected)),
    Action.signed_firmware_status_notification: kept(),
}
