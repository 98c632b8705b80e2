"""The words that docs/operators.md tells operators to look for are those of the product."""

from __future__ import annotations

import re
from pathlib import Path

from polaris.web.commands.view import titles

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "operators.md"


def test_words_are_the_products() -> None:
    said = {title for group in titles().values() for title in group.values()}
    for source in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "polaris").rglob("*.py")]:
        for quote in "\"'":
            said.update(re.findall(rf"{quote}([^{quote}\n]*){quote}", source.read_text()))
    tasks = re.sub(r"^\* .*(\n  .*)*", "", PAGE.read_text(), flags=re.MULTILINE)  # lists have other words
    named = {" ".join(words.split()) for words in re.findall(r"(?<!\*)\*{1,2}([^*]+)\*{1,2}", tasks)}
    assert len(named) > 100
    unsaid = [words for words in named if not any(map(_pattern(words).fullmatch, said))]
    assert unsaid == []


def _pattern(words: str) -> re.Pattern[str]:
    """Return what matches a text of the product: an ellipsis stands for its values."""
    return re.compile(".*".join(map(re.escape, words.split("…"))))
