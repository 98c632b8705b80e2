"""Every error in words, as a page and, for htmx, in place."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import models
from polaris.domain.arguments import Kind
from polaris.domain.redaction import is_secret
from polaris.models import AuditEntry, Charger
from polaris.verbs import GROUPS
from polaris.web.answers import in_place
from tests.support import forms
from tests.support.cast import Cast

HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (400, "could not be understood"),
        (403, "Not allowed"),
        (404, "Page not found"),
        (405, "cannot be used in this way"),
        (413, "Too large"),
        (418, "could not be understood"),
        (429, "Too many attempts"),
        (500, "Polaris could not do that"),
        (503, "Just a moment"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_each_error_in_words(app: Flask, code: int, words: str, headers: dict[str, str]) -> None:
    app.add_url_rule("/wrong", view_func=lambda: abort(code))

    answer = app.test_client().get("/wrong", headers=headers)

    assert answer.status_code == code
    assert words in answer.text
    assert answer.text.startswith("<hx-partial " if headers else "<!doctype html>")


def test_error_pages_404_and_405(client: FlaskClient) -> None:
    assert "Page not found" in client.get("/nowhere").text
    wrong = client.get("/devices")
    assert wrong.status_code == 405
    assert "POST" in wrong.headers["Allow"]


def test_htmx_error_in_place(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers=HTMX)

    assert answer.text.startswith('<hx-partial hx-target="#main" hx-swap="innerHTML">')
    assert answer.text.endswith("</hx-partial>")
    assert "<h1>Page not found</h1>" in answer.text
    assert "<html" not in answer.text


def test_in_place_escapes(app: Flask) -> None:
    for headers in ({}, HTMX):
        with app.test_request_context(headers=headers):
            answer = in_place("errors/error.html", 400, title="<script>", text="&", bare=True)
        assert "<script>alert" not in answer.get_data(as_text=True)
        assert "<h1>&lt;script&gt;</h1>" in answer.get_data(as_text=True)


def test_oversized_form_refused(client: FlaskClient) -> None:
    answer = client.post("/sign-in", data={"csrf_token": "x", "email": "a" * 70_000})

    assert answer.status_code == 413
    assert "Too large" in answer.text


@pytest.mark.parametrize("token", [None, "forged"])
def test_wrong_token_offers_way_back(client: FlaskClient, cast: Cast, token: str | None) -> None:
    forms.sign_in(client, cast.ada)
    fields = {} if token is None else {"csrf_token": token}

    page = client.post("/sessions/1/stop_requests", data=fields)
    fragment = client.post("/sessions/1/stop_requests", data=fields, headers=HTMX)

    assert page.status_code == fragment.status_code == 400
    assert "so nothing was done" in page.text
    assert 'href="/sessions"' in page.text
    assert fragment.text.startswith('<hx-partial hx-target="#main"')
    assert "so nothing was done" in fragment.text


def test_form_without_sign_in(client: FlaskClient) -> None:
    page = client.post("/sessions/1/stop_requests")
    fragment = client.post("/sessions/1/stop_requests", headers=HTMX)

    assert page.location.startswith("/sign-in")
    assert fragment.status_code == 401
    assert fragment.headers["HX-Redirect"].startswith("/sign-in")


@pytest.mark.both_databases
def test_internal_error_logged_and_hidden(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> str:
        raise RuntimeError("a secret inside")

    app.add_url_rule("/fail", view_func=fail)
    answer = app.test_client().get("/fail")

    assert answer.status_code == 500
    assert "a secret inside" not in answer.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.fixture
def gone(client: FlaskClient, cast: Cast, database_url: str, tmp_path: Path) -> FlaskClient:
    """A browser that was signed in when the database went away."""
    forms.sign_in(client, cast.ada)
    models.close()
    if database_url.startswith("sqlite:"):
        models.connect(f"sqlite:///{tmp_path}/gone.db")
        (tmp_path / "gone.db").unlink()
        (tmp_path / "gone.db").mkdir()
    else:
        models.database.obj.close_all()
        models.connect("postgresql://nobody@127.0.0.1:1/polaris")
    return client


@pytest.mark.both_databases
@pytest.mark.parametrize("path", ["/account", "/sessions", "/sign-in"])
def test_database_down_on_every_page(gone: FlaskClient, path: str) -> None:
    answer = gone.get(path)

    assert answer.status_code == 503
    assert "cannot reach its data" in answer.text
    assert "Sign out" not in answer.text
    assert gone.get(path, headers=HTMX).text.startswith("<hx-partial ")


@pytest.mark.both_databases
def test_database_recovers(gone: FlaskClient, database_url: str) -> None:
    assert gone.get("/account").status_code == 503

    models.connect(database_url)

    assert gone.get("/account").status_code == 200


@pytest.fixture
def sent_in_vain(client: FlaskClient, cast: Cast, database_url: str) -> Callable[..., TestResponse]:
    """Send an operator's form while the database is away, which is back then."""
    forms.sign_in(client, cast.olga)

    def send(path: str, **typed: str) -> TestResponse:
        fields = forms.fields(client.get(path).text) | typed
        models.close()
        models.connect("postgresql://nobody@127.0.0.1:1/polaris")
        answer = client.post(path.partition("?")[0], data=fields)
        models.connect(database_url)
        return answer

    return send


def test_form_sent_in_vain_is_sent_again(sent_in_vain: Callable[..., TestResponse], client: FlaskClient) -> None:
    failed = sent_in_vain("/actions/charger/name?identity=depot-7", name='The "old" one')

    assert failed.status_code == 503
    assert "Whether this was stored is not known." in failed.text
    assert "sent_form.js" not in failed.text
    for _ in range(2):
        assert client.post("/actions/charger/name", data=forms.fields(failed.text)).status_code == 303
    assert Charger.get(identity="depot-7").name == 'The "old" one'
    assert AuditEntry.select().where(AuditEntry.action == "charger.renamed").count() == 1


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/actions/charger/add", {"identity": "depot-9", "password": "s3cr3t"}),
        ("/fleet/depot-7/commands/set-configuration", {"key": "ChargeAmpsPin", "value": "s3cr3t"}),
        ("/account/password", {"present": "s3cr3t"}),
    ],
)
def test_secret_is_not_repeated(sent_in_vain: Callable[..., TestResponse], path: str, typed: dict[str, str]) -> None:
    failed = sent_in_vain(path, **typed)

    assert failed.status_code == 503
    assert "Send it again" not in failed.text
    assert "s3cr3t" not in failed.text


@pytest.mark.both_databases
def test_wrong_token_while_database_is_down(gone: FlaskClient) -> None:
    answer = gone.post("/sessions/1/stop_requests")

    assert answer.status_code >= 500
    assert "<h1>" in answer.text


def test_secrets_of_forms_are_named_so() -> None:
    arguments = [each for verbs in GROUPS.values() for verb in verbs.values() for each in verb.arguments]
    assert all(is_secret(each.name) for each in arguments if each.kind is Kind.SECRET)
