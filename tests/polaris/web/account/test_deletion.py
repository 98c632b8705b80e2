"""Deleting one's own account: said first, asked for the password, refused in words, and over at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.domain.enums import Role
from polaris.models import Account, AuditEntry, ChargingSession, EvCard, SignIn
from polaris.services import NAME
from polaris.web.confirmation import LIFETIME
from tests.support import forms
from tests.support.cast import Cast, add_person, now
from tests.support.charging import Charging

pytestmark = pytest.mark.both_databases

PATH = "/account/deletion"


@pytest.fixture
def charging(app: Flask, cast: Cast) -> Charging:
    charging = Charging(app.extensions[NAME].ingest, cast.depot_7)
    charging.connect()
    return charging


def test_what_stays_is_said_and_the_rest_goes_at_once(
    app: Flask, client: FlaskClient, cast: Cast, charging: Charging
) -> None:
    other = app.test_client()
    for browser in (client, other):
        forms.sign_in(browser, cast.ada)
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 4000)
    assert f'href="{PATH}"' in client.get("/account").text
    page = client.get(PATH).text
    assert "For accounting, without end: your sessions" in page
    assert "whole for 396 days" in page

    answer = forms.fill_in(client, PATH, present=cast.ada.password)

    assert answer.headers["Location"] == "/sign-in"
    assert "storage" in answer.headers["Clear-Site-Data"]
    assert "Your account is deleted." in client.get("/sign-in").text
    assert other.get("/account").headers["Location"] == "/sign-in?next=/account"
    assert forms.try_sign_in(client, cast.ada.email, cast.ada.password).status_code == 422
    account = Account.get_by_id(cast.ada.id)
    assert (account.erased_at is not None, account.email) == (True, f"erased account {cast.ada.id}")
    assert not EvCard.select().where(EvCard.account == cast.ada.id).exists()
    assert not SignIn.select().where(SignIn.account == cast.ada.id).exists()
    assert ChargingSession.get_by_id(number).energy_wh == 3000
    erased = AuditEntry.get(AuditEntry.action == "account.erased")
    assert (erased.actor, erased.target) == (account.email, account.email)


@pytest.mark.parametrize(
    ("present", "words"), [("not hers", "This is not your password."), ("", "Enter your password.")]
)
def test_wrong_password_deletes_nothing(client: FlaskClient, cast: Cast, present: str, words: str) -> None:
    forms.sign_in(client, cast.ada)
    answer = forms.fill_in(client, PATH, present=present)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert client.get("/account").status_code == 200


def test_refused_while_charging(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    forms.sign_in(client, cast.ada)
    number = charging.start(cast.ada.id_tag)
    answer = forms.fill_in(client, PATH, present=cast.ada.password)
    assert answer.status_code == 422
    assert "You are still charging, so nothing was deleted." in answer.text
    assert f'href="/sessions/{number}"' in answer.text
    assert client.get("/account").status_code == 200


def test_refused_for_the_last_operator(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.olga)
    answer = forms.fill_in(client, PATH, present=cast.olga.password)
    assert answer.status_code == 422
    assert "You are the only active operator, so nothing was deleted." in answer.text
    add_person("otto@example.com", role=Role.OPERATOR)
    assert forms.fill_in(client, PATH, present=cast.olga.password).status_code == 302


def test_asks_who_is_there(client: FlaskClient, cast: Cast) -> None:
    assert client.get(PATH).headers["Location"] == f"/sign-in?next={PATH}"
    forms.sign_in(client, cast.ada)
    SignIn.update(confirmed_at=now() - LIFETIME - timedelta(seconds=1)).execute()
    assert client.get(PATH).headers["Location"] == f"/confirm?next={PATH}"
    form = {"csrf_token": forms.token(client, "/account"), "present": cast.ada.password}
    assert client.post(PATH, data=form).status_code == 302
    assert Account.get_by_id(cast.ada.id).erased_at is None
