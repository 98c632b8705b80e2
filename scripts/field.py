"""Write docs/field.md: what chargers really do, item by item, with the tests that prove each and how they went.

    python -m pytest -k test_f --junitxml=var/field.xml
    python -m pytest -k test_f --junitxml=var/chaos.xml tests/chaos
    python -m scripts.field var/field.xml var/chaos.xml

A test proves the items that its name carries: `test_f4_f5_…` the fourth and the fifth. Without a report the results
of the present page are kept where the test is still there.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from scripts.field_items import ITEMS, SECTIONS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "field.md"
NUMBER = re.compile(r"_f(\d+)(?=_)")
HEAD = """# What chargers really do, and which test proves the answer

Written by `python -m scripts.field` from the names of the tests; a unit test keeps it in step. *Result* counts cases
of the last run that was reported: each runs on SQLite and on PostgreSQL unless it is about something else.
"""


def tests() -> dict[int, list[str]]:
    """By item, the tests that carry its number: "ocpp_bridge/test_ocppj.py::test_f45_…"."""
    found: dict[int, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        place = path.relative_to(ROOT / "tests").as_posix()
        for name in _functions(path):
            for number in dict.fromkeys(NUMBER.findall(name)):
                found.setdefault(int(number), []).append(f"{place}::{name}")
    return found


def page(found: Mapping[int, list[str]], results: Mapping[str, str]) -> str:
    lines = [HEAD]
    for title, numbers in SECTIONS.items():
        lines += [f"## {title}", "", "| item | chargers | tests | result |", "|---|---|---|---|"]
        lines += [_row(number, found.get(number, []), results) for number in numbers]
        lines.append("")
    return "\n".join(lines)


def proved(text: str) -> dict[int, list[str]]:
    """By item, the tests that a page names."""
    rows = re.findall(r"^\| (\d+) \| [^|]* \| ([^|]*) \|", text, re.MULTILINE)
    return {int(number): names for number, cell in rows if (names := re.findall(r"`([^`]+)`", cell))}


def reported(report: Path) -> dict[str, str]:
    """By test, how its cases went in a JUnit report."""
    counts: dict[str, Counter[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        module = case.get("classname", "").removeprefix("tests.").replace(".", "/")
        name = f"{module}.py::{case.get('name', '').partition('[')[0]}"
        bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        counts.setdefault(name, Counter())[bad[0] if bad else "passed"] += 1
    return {name: ", ".join(f"{number} {how}" for how, number in sorted(said.items())) for name, said in counts.items()}


def kept(text: str) -> dict[str, str]:
    """The results that a page holds."""
    results = {}
    for cell, said in re.findall(r"^\| \d+ \| [^|]* \| ([^|]*) \| ([^|]*) \|$", text, re.MULTILINE):
        results |= dict(zip(re.findall(r"`([^`]+)`", cell), said.split("<br>"), strict=False))
    return results


def _functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


def _row(number: int, names: list[str], results: Mapping[str, str]) -> str:
    said = "<br>".join(results.get(name, "not run").strip() for name in names)
    tests = "<br>".join(f"`{name}`" for name in names) or "*none yet*"
    return f"| {number} | {ITEMS[number]} | {tests} | {said or '–'} |"


def main(arguments: list[str]) -> None:
    text = PAGE.read_text() if PAGE.exists() else ""
    results = kept(text)
    for report in arguments:
        results |= reported(Path(report))
    PAGE.write_text(page(tests(), results))


if __name__ == "__main__":
    main(sys.argv[1:])
