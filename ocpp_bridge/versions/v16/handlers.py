"""OCPP 1.6: for each Action, a function from its payload to a fact and one from the outcome to the answer.

Facts use Polaris's terms, not OCPP's. An answer is made after its fact is committed; what a fact
changes is decided by `polaris.ingest`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from msgspec.json import Decoder
from ocpp.v16 import call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import Action, AuthorizationStatus

from ocpp_bridge.ocppj import CallRefused, Fault, decoder
from ocpp_bridge.rate_limit import RateLimit
from ocpp_bridge.versions import timestamps
from ocpp_bridge.versions.base import CardLookup, CentralSystem, Handler, IncomingCall, NoFields, Version, nothing
from ocpp_bridge.versions.notifications import notified
from ocpp_bridge.versions.timestamps import Instants
from ocpp_bridge.versions.v16 import notifications, payloads
from ocpp_bridge.versions.v16.commands import COMMANDS
from ocpp_bridge.versions.v16.payloads import MeterValue
from polaris.domain import cards, connectors, metering
from polaris.domain.cards import MAX_ID_TAG_LENGTH
from polaris.domain.facts import (
    ChargerBooted,
    ChargerNotified,
    ConnectorStatusChanged,
    SessionEnded,
    SessionMetered,
    SessionStarted,
)
from polaris.domain.metering import Reading
from polaris.ingest import CardAnswer, Ended, Outcome, Started

MAIN_METER = 0  # the connector number of the whole charger
NO_CONNECTOR = -1  # a stop names none, and has all phases of an instant
NO_REASON = "Local"  # §4.10: what a missing reason means
MAX_BOOTS, BOOTS_PERIOD = 6, timedelta(minutes=1)  # of one charger; more are answered, but not stored
JITTER = 0.1  # of the heartbeat interval, to either side: chargers that boot together must not stay in step

_ERROR_CODES = {  # J 1.6 §4.2.3, as it is spelled there
    Fault.NOT_IMPLEMENTED: "NotImplemented",
    Fault.NOT_SUPPORTED: "NotSupported",
    Fault.INTERNAL: "InternalError",
    Fault.FORMAT: "FormationViolation",
    Fault.OCCURRENCE: "OccurenceConstraintViolation",
    Fault.TYPE: "TypeConstraintViolation",
    Fault.VALUE: "PropertyConstraintViolation",
    Fault.FRAMEWORK: "FormationViolation",
    Fault.MESSAGE_TYPE: "GenericError",
}


class V16(Version):
    """OCPP 1.6. One instance serves all its chargers of a process."""

    subprotocol = "ocpp1.6"
    actions: Mapping[str, str] = Action.__members__
    commands = COMMANDS
    decoders: Mapping[str, Decoder[Any]] = {
        Action.heartbeat: decoder(NoFields),
        Action.meter_values: decoder(payloads.MeterValues),
        Action.status_notification: decoder(payloads.StatusNotification),
    }
    error_codes = _ERROR_CODES
    answers_all = False  # J 1.6 §4.1.3: messages of an unknown type are ignored

    def __init__(self, central_system: CentralSystem) -> None:
        super().__init__(
            central_system,
            _HANDLERS | {Action.boot_notification: Handler(self._booted, self.boot_answer, payloads.BootNotification)},
        )
        self._boots = RateLimit(MAX_BOOTS, BOOTS_PERIOD)

    def _booted(self, boot: payloads.BootNotification, call: IncomingCall) -> ChargerBooted | None:
        if not self._boots.is_within(call.charger_id, call.received_at):
            return None
        return ChargerBooted(
            charger_id=call.charger_id,
            received_at=call.received_at,
            raw=call.raw,
            vendor=boot.charge_point_vendor,
            model=boot.charge_point_model,
            serial=boot.charge_point_serial_number or boot.charge_box_serial_number,
            firmware=boot.firmware_version,
        )

    def interval_s(self, charger_id: int) -> int:
        """Return a charger's own interval, the same at every boot."""
        fraction = zlib.crc32(str(charger_id).encode()) / 2**32
        return max(1, round(self.central_system.heartbeat_s * (1 + JITTER * (2 * fraction - 1))))


def _status_changed(status: payloads.StatusNotification, call: IncomingCall) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(
        charger_id=call.charger_id,
        received_at=call.received_at,
        raw=call.raw,
        connector=status.connector_id,
        status=connectors.state(status.status),
        error_code=status.error_code,
        info=status.info or status.vendor_error_code,
        at=timestamps.of(call, status.timestamp).at,
        card_asked_at=call.cards.asked_at,
    )


def _card(request: payloads.Authorize, call: IncomingCall) -> CardLookup | None:
    call.cards.asked_at = call.received_at
    return CardLookup(cards.id_tag(request.id_tag), call.charger_id) if _is_valid(request.id_tag) else None


def _authorize_answer(request: payloads.Authorize, _: IncomingCall, outcome: CardAnswer | None) -> object:
    return call_result.Authorize(id_tag_info=_id_tag_info(request.id_tag, outcome))


def _started(start: payloads.StartTransaction, call: IncomingCall) -> SessionStarted:
    instants = timestamps.of(call, start.timestamp)
    return SessionStarted(
        charger_id=call.charger_id,
        received_at=call.received_at,
        raw=call.raw,
        message_id=call.id,
        connector=start.connector_id,
        id_tag=cards.id_tag(start.id_tag),
        at=instants.at,
        sent_at=instants.sent_at,
        meter_start_wh=start.meter_start,
    )


def _start_answer(start: payloads.StartTransaction, _: IncomingCall, outcome: Outcome) -> object:
    """Name the transaction, which a refused card gets, too (errata 3.17)."""
    if not isinstance(outcome, Started):  # ingest kept only the payload: there is no transaction to name
        raise CallRefused(Fault.INTERNAL, "The transaction could not be opened.")
    return call_result.StartTransaction(transaction_id=outcome.number, id_tag_info=_id_tag_info(start.id_tag, outcome))


def _metered(values: payloads.MeterValues, call: IncomingCall) -> SessionMetered | ChargerNotified:
    if values.connector_id == MAIN_METER:
        return notified(call, "MainMeter")
    return SessionMetered(
        charger_id=call.charger_id,
        received_at=call.received_at,
        raw=call.raw,
        connector=values.connector_id,
        number=values.transaction_id if values.transaction_id and values.transaction_id > 0 else None,
        readings=_readings(
            values.meter_value, timestamps.of(call, meter_values=values.meter_value), call, values.connector_id
        ),
    )


def _ended(stop: payloads.StopTransaction, call: IncomingCall) -> SessionEnded:
    instants = timestamps.of(call, stop.timestamp, stop.transaction_data)
    return SessionEnded(
        charger_id=call.charger_id,
        received_at=call.received_at,
        raw=call.raw,
        message_id=call.id,
        number=stop.transaction_id,
        at=instants.at,
        sent_at=instants.sent_at,
        meter_stop_wh=stop.meter_stop,
        reason=NO_REASON if stop.reason is None else stop.reason,
        id_tag=None if stop.id_tag is None else cards.id_tag(stop.id_tag),
        readings=_readings(stop.transaction_data, instants, call, NO_CONNECTOR),
    )


def _stop_answer(stop: payloads.StopTransaction, _: IncomingCall, outcome: Outcome) -> object:
    """Answer the status of the card, if one is named. Nothing in the answer can prevent or undo a stop (§4.10)."""
    if not isinstance(outcome, Ended) or outcome.authorization is None or stop.id_tag is None:
        return call_result.StopTransaction()
    return call_result.StopTransaction(id_tag_info=_id_tag_info(stop.id_tag, outcome))


_HANDLERS: dict[str, Handler] = notifications.HANDLERS | {
    Action.authorize: Handler(_card, _authorize_answer, payloads.Authorize),
    Action.meter_values: Handler(_metered, payload=payloads.MeterValues, part=nothing),
    Action.start_transaction: Handler(_started, _start_answer, payloads.StartTransaction),
    Action.status_notification: Handler(_status_changed, payload=payloads.StatusNotification),
    Action.stop_transaction: Handler(_ended, _stop_answer, payloads.StopTransaction),
}


def _is_valid(id_tag: str) -> bool:
    """Whether the specification allows a tag. The blanks that a reader puts around it do not count."""
    return 0 < len(id_tag.strip()) <= MAX_ID_TAG_LENGTH


def _id_tag_info(id_tag: str, outcome: CardAnswer | Started | Ended | None) -> IdTagInfo:
    if outcome is None or outcome.authorization is None or not _is_valid(id_tag):
        return IdTagInfo(status=AuthorizationStatus.invalid)
    return IdTagInfo(AuthorizationStatus(outcome.authorization.value), expiry_date=timestamps.wired(outcome.expires_at))


def _readings(
    meter_values: Iterable[MeterValue], instants: Instants, call: IncomingCall, connector: int
) -> tuple[Reading, ...]:
    entries = zip(instants.sampled, [value.sampled_value for value in meter_values], strict=True)
    phases = call.phases if connector != NO_CONNECTOR else None
    return metering.readings(entries, energy_unit=call.energy_unit, phases=phases, place=connector)
