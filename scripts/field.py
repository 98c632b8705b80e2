"""Update docs/field.md, which lists what chargers really do: the tests that prove each item, and their results.

    python -m pytest -m field --junitxml=var/field.xml
    python -m pytest -m field --junitxml=var/chaos.xml tests/chaos
    python -m scripts.field var/field.xml var/chaos.xml

A test marked `@pytest.mark.field(4, 5)`, or in a module so marked, proves items 4 and 5. Without a report, tests keep
the results that the page already shows. Items are edited in the page itself.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "field.md"
MARKER = "pytest.mark.field"
ROW = re.compile(r"^\| (\d+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)  # item, chargers, tests, result


def main(reports: list[str]) -> None:
    text = PAGE.read_text()
    results = shown_results(text)
    for report in reports:
        results |= reported_results(Path(report))
    PAGE.write_text(updated(text, marked_tests(), results))


def marked_tests() -> dict[int, list[str]]:
    """Return by item the tests marked with its number, as "ocpp_bridge/test_ocppj.py::test_binary_frames"."""
    marked: dict[int, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = path.relative_to(ROOT / "tests").as_posix()
        for name, items in marked_functions(path.read_text()):
            for item in items:
                marked.setdefault(item, []).append(f"{module}::{name}")
    return marked


def marked_functions(source: str) -> Iterator[tuple[str, list[int]]]:
    """Yield each marked test function of a module with the items of its markers and of the module's."""
    tree = ast.parse(source)
    of_module = [item for node in tree.body for marker in _module_markers(node) for item in _items(marker)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            items = of_module + [item for decorator in node.decorator_list for item in _items(decorator)]
            if items:
                yield node.name, list(dict.fromkeys(items))


def updated(text: str, marked: Mapping[int, list[str]], results: Mapping[str, str]) -> str:
    """Replace the tests and the result in each row of a page."""

    def row(old: re.Match[str]) -> str:
        names = marked.get(int(old[1]), [])
        tests = "<br>".join(f"`{name}`" for name in names) or "*none yet*"
        result = "<br>".join(results.get(name, "not run") for name in names) or "–"
        return f"| {old[1]} | {old[2]} | {tests} | {result} |"

    return ROW.sub(row, text)


def listed_tests(text: str) -> dict[int, list[str]]:
    """Return by item the tests that a page lists."""
    return {int(number): _names(tests) for number, _, tests, _ in ROW.findall(text)}


def shown_results(text: str) -> dict[str, str]:
    """Return by test the result that a page shows."""
    results: dict[str, str] = {}
    for _, _, tests, cell in ROW.findall(text):
        results |= dict(zip(_names(tests), cell.split("<br>"), strict=False))
    return results


def reported_results(report: Path) -> dict[str, str]:
    """Return by test the counted results of its cases in a JUnit report."""
    counts: dict[str, Counter[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        module = case.get("classname", "").removeprefix("tests.").replace(".", "/")
        name = f"{module}.py::{case.get('name', '').partition('[')[0]}"
        bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        counts.setdefault(name, Counter())[bad[0] if bad else "passed"] += 1
    return {name: ", ".join(f"{count} {result}" for result, count in sorted(c.items())) for name, c in counts.items()}


def _module_markers(node: ast.stmt) -> list[ast.expr]:
    """Return the markers in an assignment to `pytestmark`."""
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
        return node.value.elts if isinstance(node.value, ast.List) else [node.value]
    return []


def _items(decorator: ast.expr) -> list[int]:
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == MARKER:
        return [ast.literal_eval(argument) for argument in decorator.args]
    return []


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


if __name__ == "__main__":
    main(sys.argv[1:])
