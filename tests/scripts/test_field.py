"""docs/field.md names every item and every test that carries its number."""

from __future__ import annotations

from scripts import field
from scripts.field_items import ITEMS, SECTIONS

AGAIN = (
    "write the page again: python -m pytest -k test_f --junitxml=var/field.xml; python -m scripts.field var/field.xml"
)


def test_there_are_105_items_and_each_stands_in_one_section() -> None:
    numbers = [number for section in SECTIONS.values() for number in section]
    assert numbers == list(ITEMS) == list(range(1, 106))


def test_every_item_has_a_test() -> None:
    found = field.tests()
    assert set(found) <= set(ITEMS), "a test names an item that there is not"
    assert not set(ITEMS) - set(found), "without a test"


def test_the_page_is_in_step_with_the_tests() -> None:
    assert field.proved(field.PAGE.read_text()) == field.tests(), AGAIN


def test_no_result_on_the_page_is_a_failure() -> None:
    results = field.kept(field.PAGE.read_text())
    assert results
    assert not {name: said for name, said in results.items() if "failure" in said or "error" in said}


def test_a_row_names_its_tests_and_their_results() -> None:
    found = {1: ["bridge/test_a.py::test_f1_x", "bridge/test_a.py::test_f1_y"]}
    text = field.page(found, {"bridge/test_a.py::test_f1_x": "2 passed"})
    assert field.proved(text) == found
    assert field.kept(text) == {found[1][0]: "2 passed", found[1][1]: "not run"}
