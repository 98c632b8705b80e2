"""The words that docs/operators.md and docs/drivers.md tell people to look for are those of the product."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from polaris.web.commands.view import titles

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("page", "at_least"), [("operators.md", 100), ("drivers.md", 12)])
def test_words_are_the_products(page: str, at_least: int) -> None:
    said = {title for group in titles().values() for title in group.values()}
    for source in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "polaris").rglob("*.py")]:
        for quote in "\"'":
            said.update(re.findall(rf"{quote}([^{quote}\n]*){quote}", source.read_text()))
    text = (ROOT / "docs" / page).read_text()
    tasks = re.sub(r"^\* .*(\n  .*)*", "", text, flags=re.MULTILINE)  # lists have other words
    named = {" ".join(words.split()) for words in re.findall(r"(?<!\*)\*{1,2}([^*]+)\*{1,2}", tasks)}
    assert len(named) > at_least
    unsaid = [words for words in named if not any(map(_pattern(words).fullmatch, said))]
    assert unsaid == []


def _pattern(words: str) -> re.Pattern[str]:
    """Return what matches a text of the product: an ellipsis stands for its values."""
    return re.compile(".*".join(map(re.escape, words.split("…"))))
