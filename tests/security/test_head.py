"""HEAD answers as GET does, on every route and for everybody."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from peewee import Model
from werkzeug.routing import Rule

from polaris import models
from polaris.models import AuditEntry, blocking
from polaris.services import NAME
from tests.support import forms
from tests.support.cast import Cast
from tests.support.charging import Charging
from tests.support.second_factors import SecurityKey, add_passkey, set_up_app

VARYING = {"Date", "Set-Cookie"}  # cookies are compared by their names: their values are signed with the time


def paths(app: Flask) -> list[str]:
    """A path of every route that answers GET, and of a page that is not there."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    return ["/nowhere", "/sign-in?next=/account", *map(path_of, rules)]


def path_of(rule: Rule) -> str:
    values = {
        "number": 1,
        "account_id": 1,
        "card_id": 1,
        "site_id": 1,
        "run_id": 1,
        "command_id": 1,
        "connector": 1,
        "identity": "depot-7",
        "filename": "css/base.css",
        "sign_in_id": "x",
        "passkey_id": 1,
        "kind": "reset",
        "token": "x",
        "group": "charger",
        "verb": "block",
    }
    assert set(rule.arguments) <= set(values), f"give {rule} a value"
    (path,) = [
        built[1]
        for built in [rule.build({name: values[name] for name in rule.arguments}, append_unknown=False)]
        if built
    ]
    return path


def answer(
    client: FlaskClient, path: str, method: str, headers: dict[str, str]
) -> tuple[int, dict[str, str], list[str]]:
    client.get("/nowhere")  # shows what the page before has flashed, which is shown once
    with client.open(path, method=method, headers=headers) as answer:
        assert method == "GET" or answer.data == b""
        compared = {name: value for name, value in answer.headers.items() if name not in VARYING}
        cookies = [cookie.partition("=")[0] for cookie in answer.headers.getlist("Set-Cookie")]
        return answer.status_code, compared, cookies


@pytest.mark.parametrize("person", [None, "ada", "olga"])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Current-URL": "http://localhost/account"}])
def test_head_answers_as_get(app: Flask, client: FlaskClient, cast: Cast, person: str, headers: dict[str, str]) -> None:
    charging = Charging(app.extensions[NAME].ingest, cast.depot_7)
    charging.connect()
    charging.status("Available")
    charging.end(charging.start(cast.ada.id_tag), 4000)  # what shows no running time has the same length both times
    client.get("/sign-in")  # the cookie for its form is there, whatever is asked for first
    if person is not None:
        forms.sign_in(client, getattr(cast, person))
        set_up_app(client)
        add_passkey(client, SecurityKey())

    answers = {path: [answer(client, path, method, headers) for method in ("HEAD", "GET")] for path in paths(app)}

    assert {path: both for path, both in answers.items() if both[0] != both[1]} == {}
    assert sum(both[1][0] == 200 for both in answers.values()) >= (8 if person else 4)


@pytest.mark.parametrize("person", ["ada", "olga"])
def test_head_changes_no_row(app: Flask, client: FlaskClient, cast: Cast, person: str) -> None:
    """It needs no form token."""
    forms.sign_in(client, getattr(cast, person))
    set_up_app(client)
    add_passkey(client, SecurityKey())
    before = rows()

    for path in paths(app):
        client.head(path).close()

    assert rows() == before


@blocking
def rows() -> dict[str, list[Any]]:
    """All that is stored, but for the audit log's rows of refused pages."""
    stored = [getattr(models, name) for name in models.__all__]
    tables = [table for table in stored if isinstance(table, type) and issubclass(table, Model)]
    noted = AuditEntry.action != "page.refused"
    return {
        table.__name__: list(table.select().where(noted if table is AuditEntry else True).tuples()) for table in tables
    }
