"""The README's table of settings is complete and says what the code says."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from polaris.config import Config
from polaris.domain.commands.catalog import KINDS
from scripts.screenshots import SHOTS

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_settings_table_complete() -> None:
    rows = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", README, re.MULTILINE)}
    settings = {
        field.name.upper(): (
            "required" if field.metadata["default"] is None else f"`{field.metadata['default']}`".replace("``", ""),
            field.metadata["meaning"],
        )
        for field in fields(Config)
    }
    assert rows == settings


def test_every_command_is_named() -> None:
    assert [kind for kind in KINDS if not re.search(rf"(charger |`){kind}\b", README)] == []


def test_picture_exists() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (Path(__file__).parents[1] / path).is_file()


def test_every_screenshot_is_shown_and_small() -> None:
    docs = Path(__file__).parents[1] / "docs"
    pages = "".join((docs / name).read_text() for name in ("operators.md", "drivers.md"))
    shown = re.findall(r"\]\((screenshots/[^)]+)\)", pages)
    files = {str(path.relative_to(docs)): path.stat().st_size for path in (docs / "screenshots").iterdir()}
    assert set(shown) == files.keys()
    assert {f"screenshots/{shot.name}.webp" for shot in SHOTS} == files.keys()
    assert max(files.values()) <= 100_000
