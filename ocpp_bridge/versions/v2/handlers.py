"""OCPP 2.0.1: for each Action, a function from its payload to a fact and one from the outcome to the answer.

Facts use Polaris's terms, not OCPP's. An answer is made after its fact is committed; what a fact
changes is decided by `polaris.ingest`. `handlers_v21` has the Actions that 2.1 adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec.json import Decoder
from ocpp.v201 import call_result
from ocpp.v201.enums import Action, AuthorizationStatusEnumType, IdTokenEnumType

from ocpp_bridge.ocppj import Fault, decoder
from ocpp_bridge.versions import timestamps
from ocpp_bridge.versions.base import CardLookup, CentralSystem, Handler, IncomingCall, NoFields, Version
from ocpp_bridge.versions.notifications import notified
from ocpp_bridge.versions.timestamps import Instants
from ocpp_bridge.versions.v2 import notifications, payloads
from ocpp_bridge.versions.v2.commands import COMMANDS_V201, PLACES
from ocpp_bridge.versions.v2.payloads import Evse, IdToken, MeterValue, SampledValue
from polaris.domain import metering
from polaris.domain.enums import Authorization
from polaris.domain.facts import (
    ChargerBooted,
    ChargerNotified,
    ConnectorStatusChanged,
    Report,
    SessionMetered,
    SessionReported,
)
from polaris.domain.metering import ENERGY_REGISTER, Reading, Sample
from polaris.ingest import Outcome

MAIN_METER = 0  # the EVSE number of the whole charger
NO_REASON = "Local"  # TransactionType.stoppedReason: what a missing reason means
CARD_TYPES = {"", "Central", "eMAID", "ISO14443", "ISO15693"}  # tokens that are cards; others are kept with their type

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


def _booted(boot: payloads.BootNotification, call: IncomingCall) -> ChargerBooted:
    station = boot.charging_station
    return ChargerBooted(
        charger_id=call.charger_id,
        received_at=call.received_at,
        raw=call.raw,
        vendor=station.vendor_name,
        model=station.model,
        serial=station.serial_number,
        firmware=station.firmware_version,
    )


def _status_changed(status: payloads.StatusNotification, call: IncomingCall) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(
        charger_id=call.charger_id,
        received_at=call.received_at,
        raw=call.raw,
        connector=_connector(status.evse_id, status.connector_id),
        status=status.connector_status,
        error_code="",
        info="",
        at=timestamps.of(call, status.timestamp).at,
    )


def _metered(values: payloads.MeterValues, call: IncomingCall) -> SessionMetered | ChargerNotified:
    """Take readings without a transaction (J01) for an EVSE's open session; those of the main meter are only kept."""
    if values.evse_id == MAIN_METER:
        return notified(call, call.action)
    return SessionMetered(
        charger_id=call.charger_id,
        received_at=call.received_at,
        raw=call.raw,
        connector=values.evse_id,
        number=None,
        readings=_readings(values.meter_value, timestamps.of(call, meter_values=values.meter_value), call),
    )


def _reported(event: payloads.TransactionEvent, call: IncomingCall) -> SessionReported:
    info = event.transaction_info
    instants = timestamps.of(call, event.timestamp, event.meter_value, is_queued=event.offline)
    return SessionReported(
        charger_id=call.charger_id,
        received_at=call.received_at,
        raw=call.raw,
        transaction_id=info.transaction_id,
        seq_no=event.seq_no,
        report=_report(event.event_type),
        at=instants.at,
        connector=_place(event.evse),
        id_tag=_id_tag(event.id_token),
        status=info.charging_state,
        reason=NO_REASON if info.stopped_reason is None else info.stopped_reason,
        is_offline=event.offline,
        readings=_readings(event.meter_value, instants, call),
        remote_start_id=info.remote_start_id,
    )


_HANDLERS: dict[str, Handler] = notifications.HANDLERS | {
    Action.meter_values: Handler(_metered, payload=payloads.MeterValues),
    Action.status_notification: Handler(_status_changed, payload=payloads.StatusNotification),
}


class V201(Version):
    """OCPP 2.0.1. One instance serves all its chargers of a process."""

    subprotocol = "ocpp2.0.1"
    actions: Mapping[str, str] = Action.__members__
    commands = COMMANDS_V201
    decoders: Mapping[str, Decoder[Any]] = {
        Action.heartbeat: decoder(NoFields),
        Action.meter_values: decoder(payloads.MeterValues),
        Action.status_notification: decoder(payloads.StatusNotification),
        Action.transaction_event: decoder(payloads.TransactionEvent),
    }
    error_codes = _ERROR_CODES
    answers_all = True  # J 2.0.1 §4.2.3, §4.3
    shared_handlers: dict[str, Handler] = _HANDLERS  # those that do not depend on the instance
    max_id_token_length = 36

    def __init__(self, central_system: CentralSystem) -> None:
        super().__init__(
            central_system,
            {
                **self.shared_handlers,
                Action.authorize: Handler(self._card, self._authorize_answer, payloads.Authorize),
                Action.boot_notification: Handler(_booted, self.boot_answer, payloads.BootNotification),
                Action.transaction_event: Handler(_reported, self._event_answer, payloads.TransactionEvent),
            },
        )

    def _card(self, request: payloads.Authorize, _: IncomingCall) -> CardLookup | None:
        id_tag, token = _id_tag(request.id_token), request.id_token.id_token
        return CardLookup(id_tag) if id_tag and 0 < len(token) <= self.max_id_token_length else None

    def _authorize_answer(self, _: payloads.Authorize, __: IncomingCall, status: Authorization | None) -> object:
        return call_result.Authorize(id_token_info=_id_token_info(status or Authorization.INVALID))

    def _event_answer(self, event: payloads.TransactionEvent, _: IncomingCall, outcome: Outcome) -> object:
        """Answer the status of the token, if there is one. A refused card still has its session."""
        if event.id_token is None:
            return call_result.TransactionEvent()
        if _id_tag(event.id_token) is None:  # C02: the charger asks for no card
            return call_result.TransactionEvent(id_token_info=_id_token_info(Authorization.ACCEPTED))
        is_short = len(event.id_token.id_token) <= self.max_id_token_length
        status = outcome.authorization if outcome is not None and is_short else None
        return call_result.TransactionEvent(id_token_info=_id_token_info(status or Authorization.INVALID))


def _id_token_info(status: Authorization) -> dict[str, str]:
    """Return an `IdTokenInfoType` of either version; only its status is required."""
    return {"status": AuthorizationStatusEnumType(status.value)}


def _id_tag(token: IdToken | None) -> str | None:
    """Return the card that a token names, or None. A token that is not a card is prefixed with its type."""
    if token is None or token.type == IdTokenEnumType.no_authorization:
        return None
    return token.id_token if token.type in CARD_TYPES else f"{token.type}:{token.id_token}"


def _report(event_type: str) -> Report:
    return Report(event_type) if event_type in Report.__members__.values() else Report.UPDATED


def _place(evse: Evse) -> int:
    return _connector(evse.id, evse.connector_id) if evse.id > 0 else 0


def _connector(evse_id: int, connector_id: int) -> int:
    """Return one number for a connector: that of its EVSE, on which transactions run, if it is the EVSE's first."""
    return evse_id + PLACES * max(0, connector_id - 1)


def _readings(meter_values: Iterable[MeterValue], instants: Instants, call: IncomingCall) -> tuple[Reading, ...]:
    readings = [
        metering.reading(
            sampled_at,
            [_sample(value) for value in meter_value.sampled_value if _is_kept(value)],
            energy_unit=call.energy_unit,
        )
        for meter_value, sampled_at in zip(meter_values, instants.sampled, strict=True)
    ]
    return tuple([reading for reading in readings if reading is not None])


def _is_kept(sampled: SampledValue) -> bool:
    return (sampled.measurand or ENERGY_REGISTER) in metering.KEPT


def _sample(sampled: SampledValue) -> Sample:
    """Return a sample without its signature, which is kept only in the event's payload."""
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
    """Return the value in its unit; the multiplier is a power of ten."""
    if not multiplier:
        return value if isinstance(value, str) else str(value)
    try:
        return str(Decimal(str(value).strip()).scaleb(multiplier))
    except ArithmeticError:
        return ""
