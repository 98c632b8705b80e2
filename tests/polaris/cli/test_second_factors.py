"""An account's second factors on the command line."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from polaris.models import AuditEntry
from tests.support import forms
from tests.support.cast import Cast
from tests.support.second_factors import SecurityKey, add_passkey, set_up_app


def test_factors_listed_and_reset(app: Flask, client: FlaskClient, cast: Cast) -> None:
    run = app.test_cli_runner()
    forms.sign_in(client, cast.ada)
    set_up_app(client)
    add_passkey(client, SecurityKey())

    listed = run.invoke(args=["account", "factors", cast.ada.email]).output
    assert "Passkey 'Key', added " in listed
    assert "Authenticator app, added " in listed
    assert "Recovery codes left: 10\n" in listed

    reset = run.invoke(args=["account", "reset-factors", cast.ada.email])
    assert reset.output == f"The second factors of {cast.ada.email} were removed, and it was signed out everywhere.\n"
    assert AuditEntry.get(AuditEntry.action == "account.factors_reset").actor == "command line"
    assert client.get("/account").status_code == 302
    forms.sign_in(client, cast.ada)
    assert "has no second factor" in run.invoke(args=["account", "factors", cast.ada.email]).output


def test_nothing_to_reset(app: Flask, cast: Cast) -> None:
    run = app.test_cli_runner()
    for email, sentence in (
        (cast.ada.email, f"Error: {cast.ada.email} has no second factor.\n"),
        ("eve@example.com", "Error: There is no account eve@example.com.\n"),
    ):
        answer = run.invoke(args=["account", "reset-factors", email])
        assert (answer.exit_code, answer.output) == (1, sentence)
