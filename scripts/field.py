"""Write docs/field.md: what chargers really do, item by item, with the tests that prove each and their results.

    python -m pytest -m field --junitxml=var/field.xml
    python -m pytest -m field --junitxml=var/chaos.xml tests/chaos
    python -m scripts.field var/field.xml var/chaos.xml

A test marked `@pytest.mark.field(4, 5)` proves items 4 and 5. Without a report, tests keep the results that the page
already shows.
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
MARKER = "pytest.mark.field"
HEAD = """# What chargers really do, and which test proves the answer

Written by `python -m scripts.field` from the tests' `field` markers; a test keeps it in step. *Result* counts cases
of the last reported run: a test runs once for each of its parameters and for each database that it is about.
"""


def tests() -> dict[int, list[str]]:
    """By item, the tests marked with its number, as "ocpp_bridge/test_ocppj.py::test_binary_frames"."""
    marked: dict[int, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = path.relative_to(ROOT / "tests").as_posix()
        for name, items in marked_functions(path.read_text()):
            for item in items:
                marked.setdefault(item, []).append(f"{module}::{name}")
    return marked


def marked_functions(source: str) -> Iterator[tuple[str, list[int]]]:
    """Yield each marked test function of a module with the items of its marker."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            items = [item for decorator in node.decorator_list for item in _items(decorator)]
            if items:
                yield node.name, items


def page(marked: Mapping[int, list[str]], results: Mapping[str, str]) -> str:
    lines = [HEAD]
    for title, numbers in SECTIONS.items():
        lines += [f"## {title}", "", "| item | chargers | tests | result |", "|---|---|---|---|"]
        lines += [_row(number, marked.get(number, []), results) for number in numbers]
        lines.append("")
    return "\n".join(lines)


def proved(text: str) -> dict[int, list[str]]:
    """By item, the tests that a page names."""
    rows = re.findall(r"^\| (\d+) \| [^|]* \| ([^|]*) \|", text, re.MULTILINE)
    return {int(number): names for number, cell in rows if (names := re.findall(r"`([^`]+)`", cell))}


def reported(report: Path) -> dict[str, str]:
    """By test, the counted results of its cases in a JUnit report."""
    counts: dict[str, Counter[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        module = case.get("classname", "").removeprefix("tests.").replace(".", "/")
        name = f"{module}.py::{case.get('name', '').partition('[')[0]}"
        bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        counts.setdefault(name, Counter())[bad[0] if bad else "passed"] += 1
    return {name: ", ".join(f"{count} {result}" for result, count in sorted(c.items())) for name, c in counts.items()}


def kept(text: str) -> dict[str, str]:
    """The results that a page shows."""
    results: dict[str, str] = {}
    for tests, cell in re.findall(r"^\| \d+ \| [^|]* \| ([^|]*) \| ([^|]*) \|$", text, re.MULTILINE):
        results |= dict(zip(re.findall(r"`([^`]+)`", tests), cell.split("<br>"), strict=False))
    return results


def _items(decorator: ast.expr) -> list[int]:
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == MARKER:
        return [ast.literal_eval(argument) for argument in decorator.args]
    return []


def _row(number: int, names: list[str], results: Mapping[str, str]) -> str:
    result = "<br>".join(results.get(name, "not run").strip() for name in names)
    tests = "<br>".join(f"`{name}`" for name in names) or "*none yet*"
    return f"| {number} | {ITEMS[number]} | {tests} | {result or '–'} |"


def main(arguments: list[str]) -> None:
    text = PAGE.read_text() if PAGE.exists() else ""
    results = kept(text)
    for report in arguments:
        results |= reported(Path(report))
    PAGE.write_text(page(tests(), results))


if __name__ == "__main__":
    main(sys.argv[1:])
