"""Text and its ground, and what bounds a control, hold WCAG 2.2 AA in both colour schemes."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[2] / "static" / "css" / "tokens.css"

TEXT = [  # 1.4.3: 4.5 to 1
    ("ink", "ground"),
    ("ink", "surface"),
    ("ink", "raised"),
    ("ink-soft", "ground"),
    ("ink-soft", "surface"),
    ("ink-soft", "raised"),
    ("on-action", "action"),
    ("on-action", "action-hover"),
    ("on-idle", "idle"),
    ("link", "ground"),
    ("link", "surface"),
    ("link", "link-tint"),
    ("good", "surface"),
    ("good", "good-tint"),
    ("ink", "good-tint"),
    ("warn", "ground"),
    ("warn", "surface"),
    ("warn", "warn-tint"),
    ("bad", "surface"),
    ("bad", "bad-tint"),
    ("power", "surface"),
]
SHAPES = [  # 1.4.11: 3 to 1
    ("edge", "ground"),
    ("edge", "surface"),
    ("edge", "idle"),
    ("link", "ground"),
    ("action", "surface"),
    ("energy", "surface"),
    ("power", "surface"),
    ("energy", "idle"),
]


def schemes() -> dict[str, dict[str, str]]:
    both = re.findall(r"--raw-([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS.read_text())
    return {"light": {name: light for name, light, _ in both}, "dark": {name: dark for name, _, dark in both}}


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("least", "pairs"), [(4.5, TEXT), (3, SHAPES)])
def test_contrast(scheme, least, pairs):
    colours = schemes()[scheme]
    poor = {pair: round(c, 2) for pair in pairs if (c := contrast(colours[pair[0]], colours[pair[1]])) < least}
    assert poor == {}
