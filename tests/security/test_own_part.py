"""What goes out of texts that name several people: one's own, whatever the spelling of the others' cards."""

from __future__ import annotations

import pytest

from polaris.domain.own_part import OwnPart
from polaris.domain.person import Person

OWN = OwnPart(
    Person(1, "eve@example.com", ["EVE0001", "KEYCODE:4711"]), Person(0, "", ["B0BSECRET99", "04A2B3C4"]).tokens
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("eve@example.com", "eve@example.com"),
        ("xeve@example.com", "another account"),
        ("bob@example.com", "another account"),
        ("b0bsecret99", "another card"),
        ("04:a2:B3:c4", "another card"),
        ("after 04 A2 b3 C4.", "after another card."),
        ("card:B0Bsecret99, EVE0001", "another card, EVE0001"),
        ('{"idTag":"NOBODYS","status":"Accepted"}', '{"idTag":"another card","status":"Accepted"}'),
        ('{"idToken":{"idToken":"4711","type":"KeyCode"}}', '{"idToken":{"idToken":"4711","type":"KeyCode"}}'),
        ('{"idToken":{"idToken":"4711","type":"Local"}}', '{"idToken":{"idToken":"another card","type":"Local"}}'),
        ('{"idTag":12345678}', '{"idTag":"another card"}'),
        ('{"B0BSECRET99":1}', '{"another card":1}'),
        ('{"type":"Soft"}', '{"type":"Soft"}'),
        ('EVE0001"},{"idTag":"NOBO', "only in part: []"),
        ("[" * 100_000 + '"B0B"', "only in part: []"),
    ],
)
def test_own_part(text: str, left: str) -> None:
    assert OWN.of(text) == left
