"""What a person types for a command: read field by field, with each problem beside its field."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.commands import catalog as kinds
from polaris.domain.commands import parameters, values
from polaris.domain.commands.catalog import KINDS, ChargerCommand

PROFILE = {"id": 1, "purpose": "charger", "unit": "W", "periods": [{"starts_s": 0, "limit": 11000}]}


def typed_at_noon(kind: str, texts: dict[str, str]) -> tuple[ChargerCommand | None, dict[str, str]]:
    return parameters.typed(kind, texts, zone=ZoneInfo("Europe/Berlin"), now=datetime(2026, 11, 23, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("kind", "texts", "problems"),
    [
        (
            "reserve",
            {"reservation": "7", "id_tag": "A", "until_at": "2020-01-01T00:00"},
            {"until_at": "This is over already."},
        ),
        (
            "get-log",
            {"address": "https://x", "from_at": "2026-11-23T14:00", "until_at": "2026-11-23T13:00"},
            {"until_at": "This is not after its beginning."},
        ),
        ("update-firmware", {"address": "https://x", "at": "2027-03-28T02:30"}, {"at": parameters.SKIPPED}),
        (
            "update-firmware",
            {"address": "https://x", "at": "2027-03-28T03:30", "install_at": "2027-03-28T00:59Z"},
            {"install_at": "This is before it is fetched."},
        ),
    ],
)
def test_instants_that_cannot_be(kind: str, texts: dict[str, str], problems: dict[str, str]) -> None:
    assert typed_at_noon(kind, texts) == (None, problems)


def test_typed_texts_are_a_command() -> None:
    typed, problems = typed_at_noon("get-configuration", {"keys": "HeartbeatInterval\r\n\r\n MeterValue "})
    assert (typed, problems) == (kinds.GetConfiguration(("HeartbeatInterval", "MeterValue")), {})
    typed, _ = typed_at_noon("set-charging-profile", {"profile": json.dumps(PROFILE), "connector": " 0 "})
    assert isinstance(typed, kinds.SetChargingProfile)
    typed, _ = typed_at_noon("reserve", {"reservation": "7", "id_tag": "A", "until_at": "2026-11-23T14:00:00Z"})
    assert typed == kinds.Reserve(7, "A", datetime(2026, 11, 23, 14, tzinfo=UTC))
    typed, _ = typed_at_noon("availability", {"availability": "unavailable", "connector": ""})
    assert typed == kinds.SetAvailability(values.Availability.UNAVAILABLE)


def test_empty_value_of_a_setting_is_a_value() -> None:
    typed, problems = typed_at_noon("set-configuration", {"key": "MeterValuesSampledData", "value": ""})
    assert (typed, problems) == (kinds.SetConfiguration("MeterValuesSampledData", ""), {})
    assert typed_at_noon("set-configuration", {"key": "A"})[1] == {"value": "Fill this in."}


@pytest.mark.parametrize(
    ("kind", "texts", "problems"),
    [
        ("start", {}, {"id_tag": "Fill this in."}),
        (
            "reserve",
            {"reservation": "none", "until_at": "2026", "connector": "-1"},
            {
                "reservation": "Type a whole number from 1 to 2147483647.",
                "id_tag": "Fill this in.",
                "until_at": "This is no instant such as 2026-11-23T14:00:00Z.",
                "connector": "Type a whole number from 0 to 999999.",
            },
        ),
        ("set-charging-profile", {"profile": "{"}, {"profile": "This is not JSON."}),
        ("set-charging-profile", {"profile": "[" * 100_000}, {"profile": "This is not JSON."}),
        (
            "set-charging-profile",
            {"profile": json.dumps(PROFILE), "connector": "1"},
            {"profile": "A profile of the whole charger is set on connector 0."},
        ),
    ],
)
def test_problems_stand_beside_their_fields(kind: str, texts: dict[str, str], problems: dict[str, str]) -> None:
    assert typed_at_noon(kind, texts) == (None, problems)


@given(st.sampled_from(list(KINDS)), st.dictionaries(st.sampled_from(["id_tag", "profile", "value", "x"]), st.text()))
def test_anything_typed_is_read_or_refused(kind: str, texts: dict[str, str]) -> None:
    typed, problems = typed_at_noon(kind, texts)
    assert (typed is None) == bool(problems)
    assert set(problems) <= {"", *(argument.name for argument in parameters.of(kind))}
