"""An operator whose account is stopped or suspended may look at everything, and change nothing."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.domain.enums import AccountStatus
from polaris.models import Account, AuditEntry, Command
from tests.security.test_head import path_of
from tests.support import forms
from tests.support.cast import Cast

OTHERS = {  # changes of one's own account, and of people who may have none
    "account", "auth", "confirmation", "deletion", "disclosure", "electrician", "invitations", "languages", "limits",
    "notifications", "own_cards", "passkeys", "password", "password_reset", "second_factor", "second_step",
    "sessions", "start", "walls",
}  # fmt: skip


def changes(app: Flask) -> list[str]:
    """A path of every route by which operators change something."""
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    return [path_of(rule) for rule in rules if rule.endpoint.partition(".")[0] not in OTHERS]


@pytest.mark.parametrize("status", [AccountStatus.STOPPED, AccountStatus.SUSPENDED])
def test_inactive_operator_changes_nothing(app: Flask, client: FlaskClient, cast: Cast, status: AccountStatus) -> None:
    forms.sign_in(client, cast.olga)
    token = forms.token(client, "/account")
    assert "may look, but change nothing" not in client.get("/fleet").text
    Account.update(status=status).where(Account.email == cast.olga.email).execute()
    before, paths = AuditEntry.select().count(), changes(app)

    answers = {path: client.post(path, data={"csrf_token": token, "email": cast.olga.email}) for path in paths}

    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 403} == {}
    assert len(paths) >= 10
    assert "Another operator can change that." in answers[paths[0]].text
    assert "may look, but change nothing" in client.get("/fleet").text
    assert client.get("/actions/charger/block?identity=depot-7").status_code == 200
    added = AuditEntry.select().order_by(AuditEntry.id).offset(before)
    assert {entry.action for entry in added} == {"page.refused"}
    assert not Command.select().exists()


def test_no_operator_ends_the_own_suspension(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.olga)
    Account.update(status="suspended").where(Account.email == cast.olga.email).execute()
    forms.fill_in(client, f"/actions/account/status?email={cast.olga.email}&status=active")
    assert Account.get(Account.email == cast.olga.email).status == "suspended"
