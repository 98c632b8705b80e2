from __future__ import annotations

import pytest

from polaris.domain.person import Person

ADA = Person(12, "ada@example.com", ["04A2B3C4", "DE8AA001234567", "KEYCODE:1234"])


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com",
        "from Ada@Example.com to somebody.",
        '{"idTag": " 04:a2:b3:c4"}',
        '{"idToken": {"idToken": "DE-8AA-001234567", "type": "eMAID"}}',
        '{"idToken": {"idToken": "1234", "type": "KeyCode"}}',
        "04a2b3c4",
    ],
)
def test_named(text: str) -> None:
    assert ADA.is_named_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "prada@example.com",
        "ada@example.com.au",
        "ada@example.community",
        '{"idTag": "04A2B3C4D5"}',
        "session 1234 was closed",
    ],
)
def test_not_named(text: str) -> None:
    assert not ADA.is_named_in(text)
