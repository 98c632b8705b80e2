"""OCPP 1.6: one `on_<action>` for each Action, from a payload to a fact and from its outcome to the answer.

OCPP's words stop here. What is stored is committed before a handler returns; what it means is decided behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.json import Decoder
from ocpp.v16 import call, call_result  # type: ignore[import-untyped]
from ocpp.v16.datatypes import IdTagInfo  # type: ignore[import-untyped]
from ocpp.v16.enums import (  # type: ignore[import-untyped]
    Action,
    AuthorizationStatus,
    MessageTrigger,
    RegistrationStatus,
    RemoteStartStopStatus,
)

from ocpp_bridge import ocppj
from ocpp_bridge.ocppj import Answer, CallRefused, Fault
from ocpp_bridge.outage import DATABASE_GONE
from ocpp_bridge.versions import lenient
from ocpp_bridge.versions.base import CentralSystem, IncomingCall, handlers, on, payload
from ocpp_bridge.versions.boot_limits import BootLimits
from ocpp_bridge.versions.timestamps import read as _time
from ocpp_bridge.versions.timestamps import wire as _wire_time
from ocpp_bridge.versions.v16 import payloads
from ocpp_bridge.versions.v16.commands import CALLS
from ocpp_bridge.versions.v16.notifications import Notices
from ocpp_bridge.versions.v16.payloads import MeterValue
from polaris.domain import metering
from polaris.domain.cards import MAX_ID_TAG_LENGTH
from polaris.domain.enums import Authorization, StopEvent
from polaris.domain.facts import (
    ChargerBooted,
    ConnectorStatusChanged,
    SessionEnded,
    SessionMetered,
    SessionStarted,
)
from polaris.domain.metering import Reading
from polaris.ingest import ClaimedStop, Ended, Started

MAIN_METER = 0  # the connector that stands for the whole charger
NO_REASON = "Local"  # §4.10: where the charger gives none

_PAYLOADS: dict[str, type[payloads.Payload]] = {
    Action.authorize: payloads.Authorize,
    Action.boot_notification: payloads.BootNotification,
    Action.data_transfer: payloads.Notification,
    Action.diagnostics_status_notification: payloads.Notification,
    Action.firmware_status_notification: payloads.Notification,
    Action.heartbeat: payloads.Heartbeat,
    Action.log_status_notification: payloads.Notification,
    Action.meter_values: payloads.MeterValues,
    Action.security_event_notification: payloads.SecurityEventNotification,
    Action.sign_certificate: payloads.Notification,
    Action.signed_firmware_status_notification: payloads.Notification,
    Action.start_transaction: payloads.StartTransaction,
    Action.status_notification: payloads.StatusNotification,
    Action.stop_transaction: payloads.StopTransaction,
}
ALL_DAY = (Action.heartbeat, Action.meter_values, Action.status_notification)  # what chargers send
_ERROR_CODES = {  # J 1.6 §4.2.3, as it is spelled there
    Fault.NOT_IMPLEMENTED: "NotImplemented",
    Fault.NOT_SUPPORTED: "NotSupported",
    Fault.INTERNAL: "InternalError",
    Fault.FORMAT: "FormationViolation",
    Fault.OCCURRENCE: "OccurenceConstraintViolation",
    Fault.TYPE: "TypeConstraintViolation",
    Fault.FRAMEWORK: "FormationViolation",
    Fault.MESSAGE_TYPE: "GenericError",
}
_STOP_EVENTS = {
    str(RemoteStartStopStatus.accepted): StopEvent.ACCEPTED,
    str(RemoteStartStopStatus.rejected): StopEvent.REJECTED,
}


class V16(Notices):
    """The handlers of all 1.6 chargers of a process."""

    subprotocol = "ocpp1.6"
    message_types: tuple[int, ...] = (ocppj.CALL, ocppj.CALLRESULT, ocppj.CALLERROR)
    calls = CALLS
    decoders: Mapping[str, Decoder[Any]] = {action: ocppj.decoder(_PAYLOADS[action]) for action in ALL_DAY}
    answers_all = False  # what is no frame, or of no known type, is passed over

    def __init__(self, central_system: CentralSystem) -> None:
        self._central_system = central_system
        self._handlers = handlers(self)
        self._boots = BootLimits()

    async def answer(self, message: IncomingCall, action: str) -> dict[str, object]:
        """The payload of the answer to a CALL. Raise `CallRefused` for a CALLERROR."""
        handler = self._handlers.get(action)
        if handler is None:
            is_known = action in Action.__members__.values()
            fault = Fault.NOT_SUPPORTED if is_known else Fault.NOT_IMPLEMENTED
            raise CallRefused(fault, "This action is not supported." if is_known else "There is no such action.")
        return payload(await handler(message, message.request or lenient.read(message.raw, _PAYLOADS[action])))

    def error_code(self, fault: Fault) -> str:
        """The version's spelling of what is wrong with a CALL."""
        return _ERROR_CODES[fault]

    def remote_stop(self, stop: ClaimedStop) -> tuple[str, dict[str, object]]:
        """The action and payload that ask for a session's stop."""
        return str(Action.remote_stop_transaction), payload(call.RemoteStopTransaction(transaction_id=stop.number))

    def trigger_readings(self, connector: int) -> tuple[str, dict[str, object]]:
        """The action and payload that ask for a connector's readings."""
        trigger = call.TriggerMessage(requested_message=MessageTrigger.meter_values, connector_id=connector)
        return str(Action.trigger_message), payload(trigger)

    def stop_event(self, answer: Answer) -> StopEvent:
        """What the charger's answer to it means."""
        status = answer.payload.get("status") if isinstance(answer.payload, dict) else None
        return _STOP_EVENTS.get(str(status), StopEvent.ERROR)

    @on(Action.boot_notification)
    async def on_boot_notification(
        self, message: IncomingCall, boot: payloads.BootNotification
    ) -> call_result.BootNotification:
        if not self._boots.is_within(message.charger_id, message.received_at):
            return self._accepted(message)
        await self._central_system.store(
            ChargerBooted(
                charger_id=message.charger_id,
                received_at=message.received_at,
                raw=message.raw,
                vendor=boot.charge_point_vendor,
                model=boot.charge_point_model,
                serial=boot.charge_point_serial_number or boot.charge_box_serial_number,
                firmware=boot.firmware_version,
            )
        )
        return self._accepted(message)

    def _accepted(self, message: IncomingCall) -> call_result.BootNotification:
        """Whoever the handshake let in is accepted: Polaris never says Pending or Rejected."""
        return call_result.BootNotification(
            current_time=_wire_time(self._central_system.now()),
            interval=self._boots.interval_s(message.charger_id, self._central_system.heartbeat_s),
            status=RegistrationStatus.accepted,
        )

    @on(Action.heartbeat)
    async def on_heartbeat(self, message: IncomingCall, _: payloads.Heartbeat) -> call_result.Heartbeat:
        """Its last contact is noted with every frame's."""
        return call_result.Heartbeat(current_time=_wire_time(self._central_system.now()))

    @on(Action.status_notification)
    async def on_status_notification(
        self, message: IncomingCall, status: payloads.StatusNotification
    ) -> call_result.StatusNotification:
        await self._central_system.store(
            ConnectorStatusChanged(
                charger_id=message.charger_id,
                received_at=message.received_at,
                raw=message.raw,
                connector=status.connector_id,
                status=status.status,
                error_code=status.error_code,
                info=status.info or status.vendor_error_code,
                at=_time(status.timestamp),
            )
        )
        return call_result.StatusNotification()

    @on(Action.authorize)
    async def on_authorize(self, message: IncomingCall, request: payloads.Authorize) -> call_result.Authorize:
        try:
            status = await self._authorization(request.id_tag)
        except DATABASE_GONE:
            raise CallRefused(Fault.INTERNAL, "The card cannot be looked up just now.") from None
        return call_result.Authorize(id_tag_info=_id_tag_info(status))

    @on(Action.start_transaction)
    async def on_start_transaction(
        self, message: IncomingCall, start: payloads.StartTransaction
    ) -> call_result.StartTransaction:
        """A refused card still gets a transaction (errata 3.17)."""
        started = await self._central_system.store(
            SessionStarted(
                charger_id=message.charger_id,
                received_at=message.received_at,
                raw=message.raw,
                message_id=message.id,
                connector=start.connector_id,
                id_tag=start.id_tag,
                at=_time(start.timestamp),
                meter_start_wh=start.meter_start,
            )
        )
        if not isinstance(started, Started):  # kept raw by ingest: there is no transaction to name
            raise CallRefused(Fault.INTERNAL, "The transaction could not be opened.")
        is_short = len(start.id_tag) <= MAX_ID_TAG_LENGTH
        status = started.authorization if is_short else Authorization.INVALID
        return call_result.StartTransaction(transaction_id=started.number, id_tag_info=_id_tag_info(status))

    @on(Action.meter_values)
    async def on_meter_values(self, message: IncomingCall, values: payloads.MeterValues) -> call_result.MeterValues:
        if values.connector_id == MAIN_METER:
            await self._keep(message, "MainMeter")
            return call_result.MeterValues()
        await self._central_system.store(
            SessionMetered(
                charger_id=message.charger_id,
                received_at=message.received_at,
                raw=message.raw,
                connector=values.connector_id,
                number=values.transaction_id if values.transaction_id and values.transaction_id > 0 else None,
                readings=_readings(values.meter_value, message),
            )
        )
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    async def on_stop_transaction(
        self, message: IncomingCall, stop: payloads.StopTransaction
    ) -> call_result.StopTransaction:
        """Nothing in the answer can prevent or undo a stop (§4.10)."""
        ended = await self._central_system.store(
            SessionEnded(
                charger_id=message.charger_id,
                received_at=message.received_at,
                raw=message.raw,
                message_id=message.id,
                number=stop.transaction_id,
                at=_time(stop.timestamp),
                meter_stop_wh=stop.meter_stop,
                reason=NO_REASON if stop.reason is None else stop.reason,
                id_tag=stop.id_tag,
                readings=_readings(stop.transaction_data, message),
            )
        )
        status = ended.authorization if isinstance(ended, Ended) else None
        if status is None or stop.id_tag is None:
            return call_result.StopTransaction()
        is_short = 0 < len(stop.id_tag) <= MAX_ID_TAG_LENGTH
        return call_result.StopTransaction(id_tag_info=_id_tag_info(status if is_short else Authorization.INVALID))

    async def _authorization(self, id_tag: str) -> Authorization:
        if not 0 < len(id_tag) <= MAX_ID_TAG_LENGTH:
            return Authorization.INVALID
        return await self._central_system.authorize(id_tag)


def _id_tag_info(status: Authorization) -> IdTagInfo:
    return IdTagInfo(status=AuthorizationStatus(status.value))


def _readings(meter_values: Iterable[MeterValue], message: IncomingCall) -> tuple[Reading, ...]:
    readings = [
        metering.reading(
            _time(meter_value.timestamp) or message.received_at,
            meter_value.sampled_value,
            energy_unit=message.energy_unit,
        )
        for meter_value in meter_values
    ]
    return tuple([reading for reading in readings if reading is not None])
