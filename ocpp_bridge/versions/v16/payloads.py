"""The OCPP 1.6 requests that a charger sends, as far as Polaris reads them. Only the indispensable is required.

Transaction messages require nothing: whatever of them can be read is stored and answered (OCPP 1.6 §4.8).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Wh = Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]


class Payload(msgspec.Struct, rename="camel"):
    """What all have in common: camelCase on the wire, and fields nobody asked for are passed over."""


class BootNotification(Payload):
    charge_point_vendor: str = ""
    charge_point_model: str = ""
    charge_point_serial_number: str = ""
    charge_box_serial_number: str = ""
    firmware_version: str = ""


class Heartbeat(Payload):
    pass


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
    sampled_value: list[SampledValue] = []


class StartTransaction(Payload):
    connector_id: Int32 = 0
    id_tag: str = ""
    meter_start: Wh = -1  # none, or none that can be read
    timestamp: str = ""


class MeterValues(Payload):
    connector_id: Int32 = -1
    transaction_id: Int32 | None = None
    meter_value: list[MeterValue] = []


class StopTransaction(Payload):
    transaction_id: Int32 = -1
    id_tag: str | None = None
    meter_stop: Wh | None = None
    timestamp: str = ""
    reason: str | None = None
    transaction_data: list[MeterValue] = []


class SecurityEventNotification(Payload):
    type: str = ""
    timestamp: str = ""
    tech_info: str = ""


class Notification(Payload):
    """A message that is kept as it came: DataTransfer, FirmwareStatusNotification, DiagnosticsStatusNotification."""
