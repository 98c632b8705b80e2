"""The fields that Polaris reads of the OCPP 2.0.1 and 2.1 requests that a charger sends.

Only fields that nothing can be done without are required. A TransactionEvent requires none: any readable part of it is
stored.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from ocpp_bridge.versions.base import Payload

Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Place = Annotated[int, Meta(ge=0, le=999)]  # an EVSE, or a connector of one
Power = Annotated[int, Meta(ge=-12, le=12)]


class ChargingStation(Payload):
    model: str = ""
    vendor_name: str = ""
    serial_number: str = ""
    firmware_version: str = ""


class BootNotification(Payload):
    charging_station: ChargingStation = field(default_factory=ChargingStation)
    reason: str = ""


class StatusNotification(Payload):
    evse_id: Place
    connector_id: Place
    connector_status: str
    timestamp: str = ""


class IdToken(Payload):
    id_token: str = ""
    type: str = ""


class Authorize(Payload):
    id_token: IdToken


class UnitOfMeasure(Payload):
    unit: str = ""
    multiplier: Power = 0


class SignedMeterValue(Payload):
    signed_meter_data: str = ""


class SampledValue(Payload):
    value: int | float | str = ""
    context: str = ""
    measurand: str = ""
    phase: str = ""
    location: str = ""
    unit: str = ""  # where OCPP 1.6 has it, and some chargers still write it
    unit_of_measure: UnitOfMeasure = field(default_factory=UnitOfMeasure)
    signed_meter_value: SignedMeterValue | None = None


class MeterValue(Payload):
    timestamp: str = ""
    sampled_value: list[SampledValue] = field(default_factory=list)


class MeterValues(Payload):
    evse_id: Place = 0
    meter_value: list[MeterValue] = field(default_factory=list)


class Evse(Payload):
    id: Place = 0
    connector_id: Place = 1


class TransactionInfo(Payload):
    transaction_id: str = ""
    charging_state: str = ""
    stopped_reason: str | None = None
    remote_start_id: Number | None = None


class TransactionEvent(Payload):
    event_type: str = ""
    timestamp: str = ""
    trigger_reason: str = ""
    seq_no: Number | None = None
    offline: bool = False
    transaction_info: TransactionInfo = field(default_factory=TransactionInfo)
    evse: Evse = field(default_factory=Evse)
    id_token: IdToken | None = None
    meter_value: list[MeterValue] = field(default_factory=list)


class VatNumberValidation(Payload):
    vat_number: str


class CertificateHashData(Payload):
    hash_algorithm: str = ""
    issuer_name_hash: str = ""
    issuer_key_hash: str = ""
    serial_number: str = ""


class CertificateStatus(Payload):
    certificate_hash_data: CertificateHashData = field(default_factory=CertificateHashData)
    source: str = ""


class CertificateChain(Payload):
    certificate_status_requests: list[CertificateStatus] = field(default_factory=list)


class ReportPart(Payload):
    """One numbered part of a report."""

    request_id: int | None = None
    seq_no: Number = 0


class Component(Payload):
    name: str = ""
    evse: Evse = field(default_factory=Evse)


class Variable(Payload):
    name: str = ""


class EventData(Payload):
    timestamp: str = ""
    actual_value: str = ""
    component: Component = field(default_factory=Component)
    variable: Variable = field(default_factory=Variable)


class EventPart(ReportPart):
    """One part of a NotifyEvent."""

    event_data: list[EventData] = field(default_factory=list)


class VariableAttribute(Payload):
    type: str = ""
    value: str = ""


class VariableCharacteristics(Payload):
    unit: str = ""
    max_limit: float | str | None = None


class ReportData(Payload):
    component: Component = field(default_factory=Component)
    variable: Variable = field(default_factory=Variable)
    variable_attribute: list[VariableAttribute] = field(default_factory=list)
    variable_characteristics: VariableCharacteristics = field(default_factory=VariableCharacteristics)


class DeviceModelPart(ReportPart):
    """One part of a NotifyReport."""

    report_data: list[ReportData] = field(default_factory=list)
