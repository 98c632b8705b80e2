"""A charging profile that no charger may accept is refused before it is sent, in words."""

from __future__ import annotations

from typing import Any

import pytest

from polaris.domain.arguments import Invalid
from polaris.domain.commands import catalog

EARLY, LATE = "2026-11-23T14:00:00Z", "2026-11-24T14:00:00Z"
PERIODS = [{"starts_s": 0, "limit": 11000}, {"starts_s": 60, "limit": 7000}]
PROFILE = {"id": 1, "purpose": "default", "unit": "W", "periods": PERIODS}
RECURRING = {"kind": "recurring", "recurrency": "daily", "starts_at": EARLY}
OF_CHARGER, OF_SESSION = {"purpose": "charger"}, {"purpose": "session"}


def _set(changes: dict[str, Any], **where: Any) -> None:
    catalog.read("set-charging-profile", {"profile": PROFILE | changes} | where)


@pytest.mark.field(129)
@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, {}),
        ({}, {"connector": 2}),
        (RECURRING, {"connector": 1}),
        ({"kind": "relative"}, {}),
        ({"starts_at": EARLY, "valid_from_at": EARLY, "valid_to_at": LATE}, {}),
        (OF_CHARGER, {}),
        (OF_CHARGER | RECURRING, {}),
        (OF_SESSION, {"connector": 1, "session": 5}),
        (OF_SESSION | {"kind": "relative"}, {"connector": 1, "session": 5}),
    ],
)
def test_possible_profile_taken(changes: dict[str, Any], where: dict[str, Any]) -> None:
    _set(changes, **where)


@pytest.mark.field(129)
@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"periods": PERIODS[1:]}, {}, "The first period starts at 0."),
        ({"periods": [*PERIODS, PERIODS[1]]}, {}, "Each period starts later than the one before it."),
        ({"kind": "recurring", "starts_at": EARLY}, {}, "has a recurrency, and starts_at"),
        ({"kind": "recurring", "recurrency": "weekly"}, {}, "has a recurrency, and starts_at"),
        ({"recurrency": "daily"}, {}, "Only a recurring profile has a recurrency."),
        ({"kind": "relative", "starts_at": EARLY}, {}, "has no starts_at"),
        (OF_CHARGER | {"kind": "relative"}, {}, "cannot be relative"),
        (OF_CHARGER, {"connector": 1}, "on connector 0"),
        (OF_CHARGER, {"session": 5}, "for a session"),
        ({}, {"connector": 1, "session": 5}, "Only a profile with the purpose session"),
        (OF_SESSION, {"connector": 1}, "needs the number of the session, and its connector"),
        (OF_SESSION, {"session": 5}, "needs the number of the session, and its connector"),
        ({"valid_from_at": LATE, "valid_to_at": EARLY}, {}, "valid_to_at is later"),
        ({"stack_level": -1}, {}, "stack_level"),
        ({"periods": [{"starts_s": 0, "limit": 1, "phases": 4}]}, {}, "phases"),
    ],
)
def test_impossible_profile_refused(changes: dict[str, Any], where: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as problem:
        _set(changes, **where)
    assert words in str(problem.value)


@pytest.mark.field(129, 135)
def test_start_with_profile() -> None:
    catalog.read("start", {"id_tag": "CARD", "profile": PROFILE | OF_SESSION})
    for changes, words in ((OF_CHARGER, "purpose session"), (OF_SESSION | {"recurrency": "daily"}, "recurring")):
        with pytest.raises(Invalid, match=words):
            catalog.read("start", {"id_tag": "CARD", "profile": PROFILE | changes})
