"""The fields that Polaris reads of the OCPP 1.6 requests that a charger sends.

Only fields that nothing can be done without are required. Transaction messages require none: any readable part of them
is stored and answered (OCPP 1.6 §4.8).
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from ocpp_bridge.versions.base import Payload

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Wh = Annotated[int, Meta(ge=-(10**12), le=10**12)]


class BootNotification(Payload):
    charge_point_vendor: str = ""
    charge_point_model: str = ""
    charge_point_serial_number: str = ""
    charge_box_serial_number: str = ""
    firmware_version: str = ""


class StatusNotification(Payload):
    connector_id: Int32
    status: str
    error_code: str = "NoError"
    info: str = ""
    vendor_error_code: str = ""
    timestamp: str = ""


class Authorize(Payload):
    id_tag: str


class SampledValue(Payload):
    value: str = ""
    context: str = ""
    format: str = ""
    measurand: str = ""
    phase: str = ""
    location: str = ""
    unit: str = ""


class MeterValue(Payload):
    timestamp: str = ""
    sampled_value: list[SampledValue] = field(default_factory=list)


class StartTransaction(Payload):
    connector_id: Int32 = 0
    id_tag: str = ""
    meter_start: Wh = -1  # missing or unreadable
    timestamp: str = ""


class MeterValues(Payload):
    connector_id: Int32 = -1
    transaction_id: Int32 | None = None
    meter_value: list[MeterValue] = field(default_factory=list)


class StopTransaction(Payload):
    transaction_id: Int32 = -1
    id_tag: str | None = None
    meter_stop: Wh | None = None
    timestamp: str = ""
    reason: str | None = None
    transaction_data: list[MeterValue] = field(default_factory=list)
