"""Addresses with the number of a row: with one that no row can have, they are none."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import IntegerConverter

from polaris.web.row_ids import RowId
from tests.support import forms
from tests.support.cast import Cast


@pytest.mark.both_databases
@pytest.mark.parametrize("number", [0, 2**31 - 1, 2**31, 2**63])
def test_no_row_has_it(app: Flask, client: FlaskClient, cast: Cast, number: int) -> None:
    forms.sign_in(client, cast.olga)
    rules = [rule for rule in app.url_map.iter_rules() if "<id:" in rule.rule and "GET" in (rule.methods or ())]
    assert len(rules) > 10
    paths = [rule.rule.replace("<identity>", "depot-7").replace(part(rule.rule), str(number)) for rule in rules]
    paths = [path for path in paths if "passkeys" not in path or number != 2**31 - 1]  # it asks for a proof first
    assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 404)


def test_each_number_in_an_address_is_bounded(app: Flask) -> None:
    converters = [each for rule in app.url_map.iter_rules() for each in rule._converters.values()]
    assert all(isinstance(each, RowId) for each in converters if isinstance(each, IntegerConverter))


def part(rule: str) -> str:
    return rule[rule.index("<id:") :].partition(">")[0] + ">"
