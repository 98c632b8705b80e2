"""What of a charger's text can be shown."""

from __future__ import annotations

import pytest

from polaris.domain.spelling import printable


@pytest.mark.parametrize("text", ["", "Wallbox 22 kW", "Ladesäule <Süd>", "充电桩"])
def test_ordinary_text_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    "character",
    ["\N{RIGHT-TO-LEFT OVERRIDE}", "\N{RIGHT-TO-LEFT ISOLATE}", "\x1b", "\n", "\r", "\0", "\x85", "\N{LINE SEPARATOR}"],
)
def test_what_turns_or_breaks_other_text_is_replaced(character: str) -> None:
    assert printable(f"a{character}b") == "a\N{REPLACEMENT CHARACTER}b"
