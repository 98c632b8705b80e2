"""The meaning of answers that have no status: an answer without what was asked for is an error."""

from __future__ import annotations

import pytest

from ocpp_bridge.ocppj import Answer
from ocpp_bridge.versions.commands import CommandEncoder
from ocpp_bridge.versions.v2.commands import COMMANDS_V201
from ocpp_bridge.versions.v16.commands import COMMANDS
from polaris.domain.commands.catalog import ChargerCommand, GetConfiguration, GetLocalListVersion, GetLog
from polaris.domain.commands.outcome_text import NOT_HELD
from polaris.domain.enums import RequestEvent

NONSENSE = (None, [], "x", 7, {}, {"foo": 1})
KEYS = ("yes", [], [None, 7, {"value": "1"}], {"key": "a"})


@pytest.mark.parametrize("answer", [*NONSENSE, *({"configurationKey": keys} for keys in KEYS)])
def test_no_settings(answer: object) -> None:
    result = COMMANDS.result(GetConfiguration(), Answer("1", answer))
    assert (result.event, result.status) == (RequestEvent.ERROR, NOT_HELD)


@pytest.mark.parametrize("encoder", [COMMANDS, COMMANDS_V201])
@pytest.mark.parametrize("answer", [*NONSENSE, {"listVersion": "new", "versionNumber": None}])
def test_no_version_of_list(encoder: CommandEncoder, answer: object) -> None:
    result = encoder.result(GetLocalListVersion(), Answer("1", answer))
    assert (result.event, result.status) == (RequestEvent.ERROR, NOT_HELD)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (GetConfiguration(), {"configurationKey": [{"key": "HeartbeatInterval"}]}),
        (GetLocalListVersion(), {"listVersion": -1}),
        (GetLog(address="ftp://logs.example"), None),  # empty: it has nothing to upload
    ],
)
def test_what_was_asked(command: ChargerCommand, answer: object) -> None:
    assert COMMANDS.result(command, Answer("1", answer)).event is RequestEvent.ACCEPTED


def test_setting_that_is_not_there() -> None:
    result = COMMANDS.result(GetConfiguration(), Answer("1", {"unknownKey": ["Nothing"]}))
    assert result.event is RequestEvent.REJECTED
