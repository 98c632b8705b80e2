"""What a virtual charger does with a command: its settings, its local list, and the answers that its tables hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from simulator.wire import Payload

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


class OnCommand(StrEnum):
    """What the charger does with a command, where it does not answer as its tables say."""

    ERROR = "error"
    SILENT = "silent"
    LATE = "late"  # answer when `answer_late` is called
    DISCONNECT = "disconnect"  # lose the connection instead of answering


@dataclass
class Memory:
    """What commands change in a charger."""

    settings: dict[str, str] = field(default_factory=lambda: dict(FIRST_SETTINGS))
    list_version: int = 0
    new_key: str = ""  # that it was given, and has not used yet

    def set(self, name: str, value: str) -> str:
        """Change a setting; return the word for how that went."""
        if name in KEYS:
            self.new_key = value
            return "Accepted"
        if name in READ_ONLY or (name not in self.settings and len(self.settings) >= MAX_SETTINGS):
            return "Rejected"
        self.settings[name] = value
        return "Accepted"


Answer = Callable[[Memory, Payload], Payload]


def _accepted(*_: object) -> Payload:
    return {"status": "Accepted"}


def _get_configuration(memory: Memory, asked: Payload) -> Payload:
    names = asked.get("key") or [name for name in memory.settings if "." not in name]
    known = [name for name in names if name in memory.settings]
    return {
        "configurationKey": [
            {"key": name, "value": memory.settings[name], "readonly": name in READ_ONLY} for name in known
        ],
        "unknownKey": [name for name in names if name not in known],
    }


def _get_variables(memory: Memory, asked: Payload) -> Payload:
    return {"getVariableResult": [_variable(memory, one) for one in asked["getVariableData"]]}


def _variable(memory: Memory, asked: Payload) -> Payload:
    value = memory.settings.get(_name(asked))
    status = {"attributeStatus": "UnknownVariable" if value is None else "Accepted"}
    return _place(asked) | status | ({} if value is None else {"attributeValue": value})


def _set_variables(memory: Memory, asked: Payload) -> Payload:
    each = asked["setVariableData"]
    results = [_place(one) | {"attributeStatus": memory.set(_name(one), one["attributeValue"])} for one in each]
    return {"setVariableResult": results}


def _place(asked: Payload) -> Payload:
    return {"component": asked["component"], "variable": asked["variable"]}


def _name(asked: Payload) -> str:
    return f"{asked['component']['name']}.{asked['variable']['name']}"


def _send_local_list(memory: Memory, asked: Payload) -> Payload:
    version = int(asked.get("listVersion", asked.get("versionNumber", 0)))
    if asked["updateType"] == "Differential" and version <= memory.list_version:
        return {"status": "VersionMismatch"}
    memory.list_version = version
    return {"status": "Accepted"}


def _composite_schedule(_: Memory, asked: Payload) -> Payload:
    return {"status": "Rejected"} if asked["duration"] > 86_400 else {"status": "Accepted"}


OF_ALL: dict[str, Answer] = {
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
OF_16: dict[str, Answer] = OF_ALL | {
    "RemoteStartTransaction": _accepted,
    "ChangeConfiguration": lambda memory, asked: {"status": memory.set(asked["key"], asked["value"])},
    "GetConfiguration": _get_configuration,
    "GetDiagnostics": lambda *_: {"fileName": "diagnostics.txt"},
    "GetLocalListVersion": lambda memory, _: {"listVersion": memory.list_version},
    "SignedUpdateFirmware": _accepted,
    "UpdateFirmware": lambda *_: {},
}
OF_2: dict[str, Answer] = OF_ALL | {
    "RequestStartTransaction": _accepted,
    "GetBaseReport": _accepted,
    "GetLocalListVersion": lambda memory, _: {"versionNumber": memory.list_version},
    "GetVariables": _get_variables,
    "SetVariables": _set_variables,
    "UpdateFirmware": _accepted,
}
