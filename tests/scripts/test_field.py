"""docs/field.md names every item and every test that is marked with its number."""

from __future__ import annotations

import pytest

from scripts import field

AGAIN = (
    "write the page again: python -m pytest -m field --junitxml=var/field.xml; python -m scripts.field var/field.xml"
)
ITEMS = list(range(1, 136))
SOURCE = """
@pytest.mark.field(4, 5)
@pytest.mark.parametrize("number", [-1, 0])
async def test_unknown_transaction(number): ...

@pytest.mark.settings(HEARTBEAT_S="1")
def test_heartbeat(): ...
"""


def test_items_stand_in_one_section_each() -> None:
    numbers = [int(number) for number, *_ in field.ROW.findall(field.PAGE.read_text())]
    assert numbers == ITEMS


def test_every_item_has_a_test() -> None:
    marked, items = field.marked_tests().keys(), set(ITEMS)
    assert marked <= items, "a test names an item that there is not"
    assert not items - marked, "without a test"


def test_page_is_in_step_with_the_tests() -> None:
    assert field.listed_tests(field.PAGE.read_text()) == field.marked_tests(), AGAIN


def test_page_shows_no_failure() -> None:
    results = field.shown_results(field.PAGE.read_text())
    assert results
    assert not {name: result for name, result in results.items() if "failure" in result or "error" in result}


def test_marker_is_read_from_the_source() -> None:
    assert list(field.marked_functions(SOURCE)) == [("test_unknown_transaction", [4, 5])]


@pytest.mark.parametrize("markers", ["pytest.mark.field(3)", "[pytest.mark.both_databases, pytest.mark.field(3)]"])
def test_marker_of_module_is_read(markers: str) -> None:
    marked = dict(field.marked_functions(f"pytestmark = {markers}\ndef helper(): ...\n{SOURCE}"))
    assert marked == {"test_unknown_transaction": [3, 4, 5], "test_heartbeat": [3]}


def test_row_names_tests_and_results() -> None:
    marked = {1: ["bridge/test_a.py::test_x", "bridge/test_a.py::test_y"]}
    page = "| 1 | repeat a start | *none yet* | – |"
    text = field.updated(page, marked, {"bridge/test_a.py::test_x": "2 passed"})
    assert field.listed_tests(text) == marked
    assert field.shown_results(text) == {marked[1][0]: "2 passed", marked[1][1]: "not run"}
    assert field.updated(text, {}, {}) == page
