"""Every style sheet is part of the one that pages have."""

from __future__ import annotations

import re
from pathlib import Path

CSS = Path(__file__).resolve().parents[2] / "static/css"


def test_every_sheet_imported() -> None:
    imported = re.findall(r'^@import "([\w-]+)\.css";$', (CSS / "style.css").read_text(), re.MULTILINE)
    assert sorted([*imported, "style"]) == sorted(sheet.stem for sheet in CSS.glob("*.css"))
