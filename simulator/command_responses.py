"""A virtual charger's responses to commands: its configuration, and a table of responses for each OCPP version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from simulator.connection import Payload

FIRST_SETTINGS = {
    "HeartbeatInterval": "300",
    "NumberOfConnectors": "4",
    "OCPPCommCtrlr.HeartbeatInterval": "300",
    "DeviceDataCtrlr.ItemsPerMessage": "10",
}
READ_ONLY = ("NumberOfConnectors", "DeviceDataCtrlr.ItemsPerMessage")
STARTS = ("RemoteStartTransaction", "RequestStartTransaction")
KEYS = ("AuthorizationKey", "SecurityCtrlr.BasicAuthPassword")
MAX_SETTINGS = 1000
POWER = {"dataType": "decimal", "unit": "W", "maxLimit": 22_000, "supportsMonitoring": True}


class OnCommand(StrEnum):
    """Responses to a command that differ from the tables below."""

    ERROR = "error"
    SILENT = "silent"
    LATE = "late"  # answer when `answer_late` is called
    DISCONNECT = "disconnect"  # lose the connection instead of answering


@dataclass
class Configuration:
    """The state of a charger that commands change."""

    settings: dict[str, str] = field(default_factory=lambda: dict(FIRST_SETTINGS))
    list_version: int = 0
    new_key: str = ""  # received, and used from the next connection on

    def set(self, name: str, value: str) -> str:
        """Change a setting; return the OCPP status."""
        if name in KEYS:
            self.new_key = value
            return "Accepted"
        if name in READ_ONLY or (name not in self.settings and len(self.settings) >= MAX_SETTINGS):
            return "Rejected"
        self.settings[name] = value
        return "Accepted"


Response = Callable[[Configuration, Payload], Payload]


def _accepted(*_: object) -> Payload:
    return {"status": "Accepted"}


def _get_configuration(configuration: Configuration, request: Payload) -> Payload:
    names = request.get("key") or [name for name in configuration.settings if "." not in name]
    existing = [name for name in names if name in configuration.settings]
    return {
        "configurationKey": [
            {"key": name, "value": configuration.settings[name], "readonly": name in READ_ONLY} for name in existing
        ],
        "unknownKey": [name for name in names if name not in existing],
    }


def _get_variables(configuration: Configuration, request: Payload) -> Payload:
    return {"getVariableResult": [_variable(configuration, variable) for variable in request["getVariableData"]]}


def _variable(configuration: Configuration, request: Payload) -> Payload:
    value = configuration.settings.get(_name(request))
    status = {"attributeStatus": "UnknownVariable" if value is None else "Accepted"}
    return _component_and_variable(request) | status | ({} if value is None else {"attributeValue": value})


def report(configuration: Configuration) -> list[Payload]:
    """Build the reportData of a full inventory (OCPP 2.x): the settings that have a component, and an EVSE's power."""
    named = [name.split(".", 1) for name in configuration.settings if "." in name]
    return [
        *(
            _reported(
                {"component": {"name": component}, "variable": {"name": variable}},
                configuration.settings[f"{component}.{variable}"],
                "ReadOnly" if f"{component}.{variable}" in READ_ONLY else "ReadWrite",
            )
            for component, variable in named
        ),
        _reported({"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}, "0", "ReadOnly")
        | {"variableCharacteristics": POWER},
    ]


def _reported(named: Payload, value: str, mutability: str) -> Payload:
    return named | {"variableAttribute": [{"value": value, "mutability": mutability}]}


def _set_variables(configuration: Configuration, request: Payload) -> Payload:
    results = [
        _component_and_variable(variable)
        | {"attributeStatus": configuration.set(_name(variable), variable["attributeValue"])}
        for variable in request["setVariableData"]
    ]
    return {"setVariableResult": results}


def _component_and_variable(request: Payload) -> Payload:
    return {"component": request["component"], "variable": request["variable"]}


def _name(request: Payload) -> str:
    return f"{request['component']['name']}.{request['variable']['name']}"


def _send_local_list(configuration: Configuration, request: Payload) -> Payload:
    version = int(request.get("listVersion") or request.get("versionNumber") or 0)
    if request["updateType"] == "Differential" and version <= configuration.list_version:
        return {"status": "VersionMismatch"}
    configuration.list_version = version
    return {"status": "Accepted"}


def _composite_schedule(_: Configuration, request: Payload) -> Payload:
    return {"status": "Rejected"} if request["duration"] > 86_400 else {"status": "Accepted"}


RESPONSES: dict[str, Response] = {
    "CancelReservation": _accepted,
    "ChangeAvailability": _accepted,
    "ClearCache": _accepted,
    "ClearChargingProfile": lambda *_: {"status": "Unknown"},
    "DataTransfer": lambda *_: {"status": "UnknownVendorId"},
    "GetCompositeSchedule": _composite_schedule,
    "GetLog": lambda *_: {"status": "Accepted", "filename": "log.txt"},
    "ReserveNow": lambda *_: {"status": "Occupied"},
    "Reset": _accepted,
    "SendLocalList": _send_local_list,
    "SetChargingProfile": _accepted,
    "UnlockConnector": lambda *_: {"status": "Unlocked"},
}
RESPONSES_16: dict[str, Response] = RESPONSES | {
    "RemoteStartTransaction": _accepted,
    "ChangeConfiguration": lambda configuration, request: {
        "status": configuration.set(request["key"], request["value"])
    },
    "GetConfiguration": _get_configuration,
    "GetDiagnostics": lambda *_: {"fileName": "diagnostics.txt"},
    "GetLocalListVersion": lambda configuration, _: {"listVersion": configuration.list_version},
    "SignedUpdateFirmware": _accepted,
    "UpdateFirmware": lambda *_: {},
}
RESPONSES_2: dict[str, Response] = RESPONSES | {
    "RequestStartTransaction": _accepted,
    "GetBaseReport": _accepted,
    "GetLocalListVersion": lambda configuration, _: {"versionNumber": configuration.list_version},
    "GetVariables": _get_variables,
    "SetVariables": _set_variables,
    "UpdateFirmware": _accepted,
}
