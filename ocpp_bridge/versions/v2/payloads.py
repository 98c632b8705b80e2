"""The OCPP 2.0.1 and 2.1 requests that a charger sends, as far as Polaris reads them.

Only the indispensable is required. A TransactionEvent requires nothing: whatever of it can be read is stored.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Number = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Place = Annotated[int, msgspec.Meta(ge=0, le=999)]  # an EVSE, or a connector of one
Power = Annotated[int, msgspec.Meta(ge=-12, le=12)]


class Payload(msgspec.Struct, rename="camel"):
    """What all have in common: camelCase on the wire, and fields nobody asked for are passed over."""


class ChargingStation(Payload):
    model: str = ""
    vendor_name: str = ""
    serial_number: str = ""
    firmware_version: str = ""


class BootNotification(Payload):
    charging_station: ChargingStation = msgspec.field(default_factory=ChargingStation)


class Heartbeat(Payload):
    pass


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


class SampledValue(Payload):
    value: int | float | str = ""
    context: str = ""
    measurand: str = ""
    phase: str = ""
    location: str = ""
    unit_of_measure: UnitOfMeasure = msgspec.field(default_factory=UnitOfMeasure)


class MeterValue(Payload):
    timestamp: str = ""
    sampled_value: list[SampledValue] = []


class MeterValues(Payload):
    evse_id: Place = 0
    meter_value: list[MeterValue] = []


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
    seq_no: Number | None = None
    offline: bool = False
    transaction_info: TransactionInfo = msgspec.field(default_factory=TransactionInfo)
    evse: Evse = msgspec.field(default_factory=Evse)
    id_token: IdToken | None = None
    meter_value: list[MeterValue] = []


class VatNumberValidation(Payload):
    vat_number: str


class CertificateHashData(Payload):
    hash_algorithm: str = ""
    issuer_name_hash: str = ""
    issuer_key_hash: str = ""
    serial_number: str = ""


class CertificateStatus(Payload):
    certificate_hash_data: CertificateHashData = msgspec.field(default_factory=CertificateHashData)
    source: str = ""


class CertificateChain(Payload):
    certificate_status_requests: list[CertificateStatus] = []


class Notification(Payload):
    """A message that is kept as it came."""


class ReportPart(Payload):
    """A part of a report, which is kept as it came."""

    request_id: int | None = None
    seq_no: Number = 0
