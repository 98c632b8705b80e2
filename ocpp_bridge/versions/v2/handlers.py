"""OCPP 2.0.1: for each Action, a function from its payload to a fact and one from the outcome to the answer.

Facts use Polaris's terms, not OCPP's. An answer is made after its fact is committed; what a fact
changes is decided by `polaris.ingest`. `handlers_v21` has the Actions that 2.1 adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any

from msgspec.json import Decoder
from ocpp.v201 import call_result
from ocpp.v201.enums import Action, AuthorizationStatusEnumType, TriggerReasonEnumType

from ocpp_bridge.ocppj import Fault, decoder
from ocpp_bridge.versions import timestamps
from ocpp_bridge.versions.base import CardLookup, CentralSystem, Handler, IncomingCall, NoFields, Version, nothing
from ocpp_bridge.versions.notifications import notified
from ocpp_bridge.versions.timestamps import Instants
from ocpp_bridge.versions.v2 import notifications, payloads
from ocpp_bridge.versions.v2.commands import COMMANDS_V201
from ocpp_bridge.versions.v2.payloads import Evse, IdToken, MeterValue, SampledValue
from polaris.domain import cards, connectors, metering
from polaris.domain.enums import Authorization
from polaris.domain.facts import (
    ChargerBooted,
    ChargerNotified,
    ConnectorStatusChanged,
    Report,
    SessionMetered,
    SessionReported,
)
from polaris.domain.metering import Reading, Sample
from polaris.domain.units import NOT_KEPT
from polaris.ingest import CardAnswer, Limited, Outcome

MAIN_METER = 0  # the EVSE number of the whole charger
_FREE = CardAnswer(Authorization.ACCEPTED)  # for a charger that asks for no card
NO_REASON = "Local"  # TransactionType.stoppedReason: what a missing reason means
# Triggers that tell how a transaction ended if it has no reason, and that this was not "at the charger".
ENDING_TRIGGERS = frozenset(
    {
        TriggerReasonEnumType.abnormal_condition,
        TriggerReasonEnumType.deauthorized,
        TriggerReasonEnumType.energy_limit_reached,
        TriggerReasonEnumType.ev_communication_lost,
        TriggerReasonEnumType.ev_connect_timeout,
        TriggerReasonEnumType.remote_stop,
        TriggerReasonEnumType.reset_command,
        TriggerReasonEnumType.time_limit_reached,
        TriggerReasonEnumType.unlock_command,
        "CostLimitReached",  # OCPP 2.1 from here on
        "SoCLimitReached",
        "TariffNotAccepted",
    }
)

_REPORTS = {report.casefold(): report for report in Report}
_ERROR_CODES = {  # J 2.0.1 §4.3
    Fault.NOT_IMPLEMENTED: "NotImplemented",
    Fault.NOT_SUPPORTED: "NotSupported",
    Fault.INTERNAL: "InternalError",
    Fault.FORMAT: "FormatViolation",
    Fault.OCCURRENCE: "OccurrenceConstraintViolation",
    Fault.TYPE: "TypeConstraintViolation",
    Fault.VALUE: "PropertyConstraintViolation",
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
        reason=boot.reason,
    )


def _status_changed(status: payloads.StatusNotification, call: IncomingCall) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(
        charger_id=call.charger_id,
        received_at=call.received_at,
        raw=call.raw,
        connector=connectors.number(status.evse_id, status.connector_id),
        status=connectors.state(status.connector_status),
        error_code="",
        info="",
        at=timestamps.of(call, status.timestamp).at,
        card_asked_at=call.cards.asked_at,
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
        readings=_readings(
            values.meter_value, timestamps.of(call, meter_values=values.meter_value), call, values.evse_id
        ),
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
        status=connectors.state(info.charging_state),
        reason=_reason(event),
        is_offline=event.offline,
        readings=_readings(event.meter_value, instants, call, info.transaction_id),
        remote_start_id=info.remote_start_id,
    )


_HANDLERS: dict[str, Handler] = notifications.HANDLERS | {
    Action.meter_values: Handler(_metered, payload=payloads.MeterValues, part=nothing),
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
                Action.transaction_event: Handler(
                    _reported, self._event_answer, payloads.TransactionEvent, part=attrgetter("id_token")
                ),
            },
        )

    def _card(self, request: payloads.Authorize, call: IncomingCall) -> CardLookup | None:
        call.cards.asked_at = call.received_at
        id_tag = _id_tag(request.id_token)
        return CardLookup(id_tag, call.charger_id) if id_tag and self._is_short(request.id_token) else None

    def _authorize_answer(self, request: payloads.Authorize, _: IncomingCall, outcome: CardAnswer | None) -> object:
        is_free = request.id_token.type == cards.NO_CARD
        return call_result.Authorize(id_token_info=_id_token_info(_FREE if is_free else outcome))

    def _event_answer(self, token: IdToken | None, _: IncomingCall, outcome: Outcome) -> object:
        """Answer the status of the token, if there is one. A refused card still has its session."""
        if token is None:
            return None
        if _id_tag(token) is None:  # C02: the charger asks for no card
            return call_result.TransactionEvent(id_token_info=_id_token_info(_FREE))
        return call_result.TransactionEvent(id_token_info=_id_token_info(outcome if self._is_short(token) else None))

    def _is_short(self, token: IdToken) -> bool:
        """Whether the version allows a token of this length. The blanks that a reader puts around it do not count."""
        return len(token.id_token.strip()) <= self.max_id_token_length


def _id_token_info(outcome: CardAnswer | Outcome) -> dict[str, str]:
    """Return an `IdTokenInfoType` of either version; only its status is required."""
    if outcome is None or isinstance(outcome, Limited):
        return {"status": AuthorizationStatusEnumType.invalid}
    status = outcome.authorization
    if status is None:
        return {"status": AuthorizationStatusEnumType.invalid}
    expires_at = timestamps.wired(outcome.expires_at)
    info: dict[str, str] = {"status": AuthorizationStatusEnumType(status.value)}
    return info if expires_at is None else info | {"cacheExpiryDateTime": expires_at}


def _id_tag(token: IdToken | None) -> str | None:
    """Return the id tag of a token, or None if no card is asked for."""
    if token is None or token.type == cards.NO_CARD:
        return None
    return cards.id_tag(token.id_token, token.type)


def _reason(event: payloads.TransactionEvent) -> str:
    """Return why a transaction ended, in the words of its reason or, without one, of its trigger."""
    reason, trigger = event.transaction_info.stopped_reason, event.trigger_reason
    if reason is None:
        return trigger if trigger in ENDING_TRIGGERS else NO_REASON
    return reason


def _report(event_type: str) -> Report:
    return _REPORTS.get(event_type.strip().casefold(), Report.UPDATED)


def _place(evse: Evse) -> int:
    return connectors.number(evse.id, evse.connector_id) if evse.id > 0 else 0


def _readings(
    meter_values: Iterable[MeterValue], instants: Instants, call: IncomingCall, place: object
) -> tuple[Reading, ...]:
    entries = zip(instants.sampled, [_samples(value.sampled_value) for value in meter_values], strict=True)
    return metering.readings(entries, energy_unit=call.energy_unit, phases=call.phases, place=place)


def _samples(sampled_values: list[SampledValue]) -> list[Sample]:
    """Return the samples that are kept, and the signed data of any, which stands beside the plain value."""
    samples = [_sample(sampled) for sampled in sampled_values if sampled.measurand not in NOT_KEPT]
    for sampled in sampled_values:
        signed = sampled.signed_meter_value
        if signed is not None and signed.signed_meter_data:
            samples.append(Sample(signed.signed_meter_data, context=sampled.context, format=metering.SIGNED))
    return samples


def _sample(sampled: SampledValue) -> Sample:
    unit = sampled.unit_of_measure
    return Sample(
        _scaled(sampled.value, unit.multiplier),
        sampled.measurand,
        unit.unit or sampled.unit,
        sampled.phase,
        sampled.context,
        sampled.location,
    )


def _scaled(value: float | str, multiplier: int) -> str:
    """Return the value in its unit; the multiplier is a power of ten."""
    if not multiplier:
        if isinstance(value, str):
            return value
        return str(int(value)) if value == int(value) else str(value)
    try:
        return str(Decimal(str(value).strip()).scaleb(multiplier))
    except ArithmeticError:
        return ""
