"""OCPP 2.0.1: one `on_<action>` for each Action, from a payload to a fact and from its outcome to the answer.

OCPP's words stop here. What is stored is committed before a handler returns; what it means is decided behind it. The
messages that are only kept are in `notices_v2`; what 2.1 adds is in `v21`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec.json import Decoder
from ocpp.v201 import call, call_result  # type: ignore[import-untyped]
from ocpp.v201.enums import (  # type: ignore[import-untyped]
    Action,
    AuthorizationStatusEnumType,
    IdTokenEnumType,
    MessageTriggerEnumType,
    RegistrationStatusEnumType,
    RequestStartStopStatusEnumType,
)

from ocpp_bridge import ocppj
from ocpp_bridge.ocppj import Answer, CallRefused, Fault
from ocpp_bridge.outage import DATABASE_GONE
from ocpp_bridge.versions import lenient, timestamps
from ocpp_bridge.versions.base import CentralSystem, IncomingCall, handlers, on, payload
from ocpp_bridge.versions.v2 import payloads
from ocpp_bridge.versions.v2.commands import CALLS_V201, PLACES
from ocpp_bridge.versions.v2.notifications import REPORTS, NoticesV2
from ocpp_bridge.versions.v2.payloads import Evse, IdToken, MeterValue, SampledValue
from polaris.domain import metering
from polaris.domain.enums import Authorization, StopEvent
from polaris.domain.facts import ChargerBooted, ConnectorStatusChanged, Report, SessionMetered, SessionReported
from polaris.domain.metering import ENERGY_REGISTER, Reading, Sample
from polaris.ingest import ClaimedStop

NO_REASON = "Local"  # TransactionType.stoppedReason: where the charger gives none
CARD_TYPES = {"", "Central", "eMAID", "ISO14443", "ISO15693"}  # tokens that are known by themselves

_REQUESTS: dict[str, type[payloads.Payload]] = {
    Action.authorize: payloads.Authorize,
    Action.boot_notification: payloads.BootNotification,
    Action.heartbeat: payloads.Heartbeat,
    Action.meter_values: payloads.MeterValues,
    Action.status_notification: payloads.StatusNotification,
    Action.transaction_event: payloads.TransactionEvent,
    **dict.fromkeys(REPORTS, payloads.ReportPart),
}
ALL_DAY = (Action.heartbeat, Action.meter_values, Action.status_notification, Action.transaction_event)
_ERROR_CODES = {  # J 2.0.1 §4.3
    Fault.NOT_IMPLEMENTED: "NotImplemented",
    Fault.NOT_SUPPORTED: "NotSupported",
    Fault.INTERNAL: "InternalError",
    Fault.FORMAT: "FormatViolation",
    Fault.OCCURRENCE: "OccurrenceConstraintViolation",
    Fault.TYPE: "TypeConstraintViolation",
    Fault.FRAMEWORK: "RpcFrameworkError",
    Fault.MESSAGE_TYPE: "MessageTypeNotSupported",
}
_STOP_EVENTS = {
    str(RequestStartStopStatusEnumType.accepted): StopEvent.ACCEPTED,
    str(RequestStartStopStatusEnumType.rejected): StopEvent.REJECTED,
}


class V201(NoticesV2):
    """The handlers of all 2.0.1 chargers of a process."""

    subprotocol = "ocpp2.0.1"
    message_types: tuple[int, ...] = (ocppj.CALL, ocppj.CALLRESULT, ocppj.CALLERROR)
    calls = CALLS_V201
    decoders: Mapping[str, Decoder[Any]] = {action: ocppj.decoder(_REQUESTS[action]) for action in ALL_DAY}
    answers_all = True  # J 2.0.1 §4.2.3, §4.3
    actions: type[Any] = Action
    results: Any = call_result
    requests = _REQUESTS  # those that are more than kept
    longest_id_token = 36

    def __init__(self, central_system: CentralSystem) -> None:
        super().__init__(central_system)
        self._handlers = handlers(self)

    async def answer(self, message: IncomingCall, action: str) -> dict[str, object]:
        """The payload of the answer to a CALL. Raise `CallRefused` for a CALLERROR."""
        handler = self._handlers.get(action)
        if handler is None:
            is_known = action in self.actions.__members__.values()
            fault = Fault.NOT_SUPPORTED if is_known else Fault.NOT_IMPLEMENTED
            raise CallRefused(fault, "This action is not supported." if is_known else "There is no such action.")
        struct = self.requests.get(action, payloads.Notification)
        result = await handler(message, message.request or lenient.read(message.raw, struct))
        return {} if result is None else payload(result)

    def error_code(self, fault: Fault) -> str:
        """The version's spelling of what is wrong with a CALL."""
        return _ERROR_CODES[fault]

    def remote_stop(self, stop: ClaimedStop) -> tuple[str, dict[str, object]]:
        """The action and payload that ask for a session's stop. One that 1.6 began is known by its number."""
        name = str(stop.number) if stop.transaction_id is None else stop.transaction_id
        return str(Action.request_stop_transaction), payload(call.RequestStopTransaction(transaction_id=name))

    def trigger_readings(self, connector: int) -> tuple[str, dict[str, object]]:
        """The action and payload that ask for a transaction's readings."""
        trigger = call.TriggerMessage(
            requested_message=MessageTriggerEnumType.transaction_event, evse={"id": connector % PLACES}
        )
        return str(Action.trigger_message), payload(trigger)

    def stop_event(self, answer: Answer) -> StopEvent:
        """What the charger's answer to it means."""
        status = answer.payload.get("status") if isinstance(answer.payload, dict) else None
        return _STOP_EVENTS.get(str(status), StopEvent.ERROR)

    @on(Action.boot_notification)
    async def on_boot_notification(self, message: IncomingCall, boot: payloads.BootNotification) -> object:
        station = boot.charging_station
        await self._central_system.store(
            ChargerBooted(
                charger_id=message.charger_id,
                received_at=message.received_at,
                raw=message.raw,
                vendor=station.vendor_name,
                model=station.model,
                serial=station.serial_number,
                firmware=station.firmware_version,
            )
        )
        return self.results.BootNotification(
            current_time=timestamps.wire(self._central_system.now()),
            interval=self._central_system.heartbeat_s,
            status=RegistrationStatusEnumType.accepted,
        )

    @on(Action.heartbeat)
    async def on_heartbeat(self, message: IncomingCall, _: payloads.Heartbeat) -> object:
        """Its last contact is noted with every frame's."""
        return self.results.Heartbeat(current_time=timestamps.wire(self._central_system.now()))

    @on(Action.status_notification)
    async def on_status_notification(self, message: IncomingCall, status: payloads.StatusNotification) -> object:
        await self._central_system.store(
            ConnectorStatusChanged(
                charger_id=message.charger_id,
                received_at=message.received_at,
                raw=message.raw,
                connector=_connector(status.evse_id, status.connector_id),
                status=status.connector_status,
                error_code="",
                info="",
                at=timestamps.read(status.timestamp),
            )
        )
        return self.results.StatusNotification()

    @on(Action.authorize)
    async def on_authorize(self, message: IncomingCall, request: payloads.Authorize) -> object:
        id_tag, token = _id_tag(request.id_token), request.id_token.id_token
        try:
            is_card = id_tag is not None and 0 < len(token) <= self.longest_id_token
            status = await self._central_system.authorize(id_tag) if id_tag and is_card else Authorization.INVALID
        except DATABASE_GONE:
            raise CallRefused(Fault.INTERNAL, "The card cannot be looked up just now.") from None
        return self.results.Authorize(id_token_info=_id_token_info(status))

    @on(Action.transaction_event)
    async def on_transaction_event(self, message: IncomingCall, event: payloads.TransactionEvent) -> object:
        """A refused card still gets a session; nothing in the answer can prevent or undo an end."""
        info = event.transaction_info
        told = await self._central_system.store(
            SessionReported(
                charger_id=message.charger_id,
                received_at=message.received_at,
                raw=message.raw,
                transaction_id=info.transaction_id,
                seq_no=event.seq_no,
                report=_report(event.event_type),
                at=timestamps.read(event.timestamp),
                connector=_place(event.evse),
                id_tag=_id_tag(event.id_token),
                status=info.charging_state,
                reason=NO_REASON if info.stopped_reason is None else info.stopped_reason,
                is_offline=event.offline,
                readings=_readings(event.meter_value, message),
                remote_start_id=info.remote_start_id,
            )
        )
        if event.id_token is None:
            return self.results.TransactionEvent()
        if _id_tag(event.id_token) is None:  # C02: the charger asks for no card
            return self.results.TransactionEvent(id_token_info=_id_token_info(Authorization.ACCEPTED))
        is_short = len(event.id_token.id_token) <= self.longest_id_token
        status = told.authorization if told is not None and is_short else None
        return self.results.TransactionEvent(id_token_info=_id_token_info(status or Authorization.INVALID))

    @on(Action.meter_values)
    async def on_meter_values(self, message: IncomingCall, values: payloads.MeterValues) -> object:
        """Readings of no transaction (J01): of the main meter, or of an EVSE, where they tell of its open session."""
        if values.evse_id == 0:
            await self._keep(message, Action.meter_values)
            return self.results.MeterValues()
        await self._central_system.store(
            SessionMetered(
                charger_id=message.charger_id,
                received_at=message.received_at,
                raw=message.raw,
                connector=values.evse_id,
                number=None,
                readings=_readings(values.meter_value, message),
            )
        )
        return self.results.MeterValues()


def _id_token_info(status: Authorization) -> dict[str, str]:
    """Both versions have it as `IdTokenInfoType`, of which only the status is required."""
    return {"status": AuthorizationStatusEnumType(status.value)}


def _id_tag(token: IdToken | None) -> str | None:
    """The card that a token names: with its type before it where the type matters. None where it names none."""
    if token is None or token.type == IdTokenEnumType.no_authorization:
        return None
    return token.id_token if token.type in CARD_TYPES else f"{token.type}:{token.id_token}"


def _report(event_type: str) -> Report:
    return Report(event_type) if event_type in Report.__members__.values() else Report.UPDATED


def _place(evse: Evse) -> int:
    return _connector(evse.id, evse.connector_id) if evse.id > 0 else 0


def _connector(evse_id: int, connector_id: int) -> int:
    """One number for a connector: its EVSE's, which transactions run on, unless it is not the EVSE's first."""
    return evse_id + PLACES * max(0, connector_id - 1)


def _readings(meter_values: Iterable[MeterValue], message: IncomingCall) -> tuple[Reading, ...]:
    readings = [
        metering.reading(
            timestamps.read(one.timestamp) or message.received_at,
            [_sample(value) for value in one.sampled_value if (value.measurand or ENERGY_REGISTER) in metering.KEPT],
            energy_unit=message.energy_unit,
        )
        for one in meter_values
    ]
    return tuple([reading for reading in readings if reading is not None])


def _sample(sampled: SampledValue) -> Sample:
    """Its signed form, where there is one, is kept with the event."""
    unit = sampled.unit_of_measure
    return Sample(
        _scaled(sampled.value, unit.multiplier),
        sampled.measurand,
        unit.unit,
        sampled.phase,
        sampled.context,
        sampled.location,
    )


def _scaled(value: float | str, multiplier: int) -> str:
    """The value in its unit: the multiplier is a power of ten."""
    if not multiplier:
        return value if isinstance(value, str) else str(value)
    try:
        return str(Decimal(str(value).strip()).scaleb(multiplier))
    except ArithmeticError:
        return ""
