"""Settings of every version as one kind of list, and nothing that a charger writes instead breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain import settings
from polaris.domain.settings import Access, Setting

INTERVAL = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
POWER = {
    "component": {"name": "EVSE", "instance": "main", "evse": {"id": 2, "connectorId": 3}},
    "variable": {"name": "Power"},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.sampled_from(["component", "variable", "name", "key", "evse"]), x),
)


@pytest.mark.field(134)
@pytest.mark.parametrize(
    ("payload", "listed"),
    [
        (
            {
                "configurationKey": [
                    {"key": "HeartbeatInterval", "value": "300", "readonly": False},
                    {"key": "NumberOfConnectors", "value": 2, "readonly": True},
                    {"key": "Empty", "readonly": False},
                ],
                "unknownKey": ["Nonsense"],
            },
            [
                Setting("", 0, 0, "HeartbeatInterval", "300", Access.READ_WRITE),
                Setting("", 0, 0, "NumberOfConnectors", "2", Access.READ_ONLY),
                Setting("", 0, 0, "Empty", "", Access.READ_WRITE),
                Setting("", 0, 0, "Nonsense", "", Access.MISSING),
            ],
        ),
        (
            {
                "getVariableResult": [
                    INTERVAL | {"attributeStatus": "Accepted", "attributeValue": "300"},
                    POWER | {"attributeStatus": "UnknownVariable", "attributeType": "Target"},
                ]
            },
            [
                Setting("OCPPCommCtrlr", 0, 0, "HeartbeatInterval", "300", Access.NOT_TOLD),
                Setting("EVSE[main]", 2, 3, "Power (Target)", "", Access.MISSING),
            ],
        ),
        (
            {
                "reportData": [
                    INTERVAL | {"variableAttribute": [{"value": "300"}, {"type": "Target", "mutability": "WriteOnly"}]},
                    POWER
                    | {
                        "variableAttribute": [{"value": "0", "mutability": "ReadOnly"}],
                        "variableCharacteristics": {"unit": "W", "maxLimit": 22000},
                    },
                    {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword", "instance": "1"}}
                    | {"variableAttribute": [{"value": "a-secret"}]},
                ]
            },
            [
                Setting("OCPPCommCtrlr", 0, 0, "HeartbeatInterval", "300", Access.READ_WRITE),
                Setting("OCPPCommCtrlr", 0, 0, "HeartbeatInterval (Target)", "", Access.WRITE_ONLY),
                Setting("EVSE[main]", 2, 3, "Power", "0", Access.READ_ONLY, "W", "22000"),
                Setting("SecurityCtrlr", 0, 0, "BasicAuthPassword[1]", "***", Access.READ_WRITE),
            ],
        ),
    ],
    ids=["1.6", "2.x variables", "2.x report"],
)
def test_listed_alike(payload: dict[str, Any], listed: list[Setting]) -> None:
    assert list(settings.read(payload)) == listed


@pytest.mark.field(134)
def test_newer_value_holds() -> None:
    old = Setting("A", 0, 0, "B", "1", Access.READ_ONLY)
    gone = Setting("A", 0, 0, "C", "1", Access.READ_ONLY)
    newer = [old._replace(component="a", value="2", access=Access.NOT_TOLD), gone._replace(access=Access.MISSING)]
    added = Setting("A", 1, 0, "B", "3", Access.NOT_TOLD)
    assert settings.merged([old, gone], [*newer, added]) == [newer[0]._replace(access=Access.READ_ONLY), added]


@pytest.mark.field(134)
@given(st.dictionaries(st.sampled_from([*settings._LISTS, "other"]), JSON) | JSON)
def test_anything_read_or_left_out(payload: Any) -> None:
    for setting in settings.read(payload):
        assert setting.name
        assert f"{setting.component}{setting.name}{setting.value}".isprintable()


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        (Setting("", 0, 0, "HeartbeatInterval", "300", Access.READ_WRITE), "HeartbeatInterval"),
        (Setting("", 0, 0, "NumberOfConnectors", "2", Access.READ_ONLY), ""),
        (Setting("EVSE[main]", 2, 0, "Power[max]", "", Access.WRITE_ONLY), "EVSE[main]@2.Power[max]"),
        (Setting("EVSE", 2, 1, "Power", "", Access.READ_WRITE), ""),  # a command cannot name a connector
        (Setting("EVSE", 2, 0, "Power (Target)", "", Access.READ_WRITE), ""),  # nor an attribute
        (Setting("", 0, 0, "x" * settings.MAX_NAME_LENGTH, "", Access.READ_WRITE), ""),  # it may be cut
    ],
)
def test_name_for_a_command(setting: Setting, key: str) -> None:
    assert setting.command_key == key


def test_differences_first() -> None:
    same = Setting("", 0, 0, "Same", "1", Access.READ_ONLY)
    ours = [
        same,
        Setting("", 0, 0, "Interval", "60", Access.READ_WRITE),
        Setting("", 0, 0, "Ours", "", Access.READ_WRITE),
    ]
    theirs = [
        Setting("", 0, 0, "interval", "30", Access.READ_WRITE),
        same,
        Setting("", 0, 0, "B", "", Access.READ_ONLY),
    ]
    pairs = settings.differences(ours, theirs)
    assert [(a and a.name, b and b.name) for a, b in pairs] == [
        ("Interval", "interval"),
        ("Ours", None),
        (None, "B"),
        ("Same", "Same"),
    ]
    assert list(map(settings.is_different, pairs)) == [True, True, True, False]
