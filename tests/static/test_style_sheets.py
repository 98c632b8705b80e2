"""Every style sheet is part of every page."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_sheet_listed_in_base() -> None:
    listed = re.search(r"set sheets = \((.*?)\)", (ROOT / "templates/base.html").read_text(), re.DOTALL)
    assert listed
    names = re.findall(r'"([\w-]+)"', listed[1])
    assert sorted(names) == sorted(sheet.stem for sheet in (ROOT / "static/css").glob("*.css"))
