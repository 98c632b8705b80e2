"""The files of people: the list as CSV, and all about one person, to operators alone."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from flask.testing import FlaskClient

from polaris import administration, retention
from polaris.domain.enums import AccountStatus, Role
from polaris.models import EPOCH, Account, AuditEntry, SignIn
from polaris.pubsub import Publisher
from polaris.web.account import data
from polaris.web.people import queries
from tests.support import forms, plans
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.csv_files import exported


@pytest.mark.both_databases
def test_list_has_what_is_filtered(olga: FlaskClient, cast: Cast, charging: Charging, publisher: Publisher) -> None:
    number = charging.start(cast.ada.id_tag)
    administration.set_account_status(publisher, cast.ben.email, AccountStatus.SUSPENDED, actor=ACTOR, now=now())
    (ada,) = exported(olga, "/people.csv", email="ada")
    assert (ada["email"], ada["role"], ada["status"], ada["cards"]) == (cast.ada.email, "driver", "active", "1")
    assert (ada["last session"], ada["last charger"], ada["devices"]) == (str(number), "depot-7", "0")
    (ben,) = exported(olga, "/people.csv", status="suspended")
    assert (ben["email"], ben["last session"]) == (cast.ben.email, "")
    assert exported(olga, "/people.csv", email="olga")[0]["devices"] == "1"
    assert "/people.csv?email=ada" in olga.get("/people?email=ada").text


def test_list_of_many_batches(olga: FlaskClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "BATCH_ROWS", 2)
    for number in range(5):
        administration.add_account(
            f"many-{number}@example.com", "a long enough password", Role.DRIVER, actor=ACTOR, now=now()
        )
    rows = exported(olga, "/people.csv", email="many")
    assert [row["email"] for row in rows] == [f"many-{number}@example.com" for number in range(4, -1, -1)]


def test_list_has_no_formula(olga: FlaskClient, cast: Cast) -> None:
    for begin in "=+-@":
        Account.update(email=f"{begin}SUM(1)").where(Account.id == cast.ben.id).execute()
        emails = [row["email"] for row in exported(olga, "/people.csv")]
        assert f"'{begin}SUM(1)" in emails


@pytest.mark.both_databases
@pytest.mark.parametrize("query", [{}, {"email": "a"}, {"role": "driver", "status": "active"}])
def test_list_reads_no_whole_table(olga: FlaskClient, cast: Cast, charging: Charging, query: dict[str, str]) -> None:
    charging.start(cast.ada.id_tag)
    with plans.executed() as statements:
        exported(olga, "/people.csv", **query)
    assert statements
    assert plans.full_scans(statements) == []


def zipped(client: FlaskClient, account_id: int) -> dict[str, Any]:
    path = f"/people/{account_id}/export"
    answer = forms.post(client, path, page=path)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        account: dict[str, Any] = json.loads(archive.read("account.json"))
    return account


@pytest.mark.both_databases
def test_data_of_a_person(olga: FlaskClient, cast: Cast) -> None:
    assert f'href="/people/{cast.ada.id}/export"' in olga.get(f"/people/{cast.ada.id}").text
    assert not AuditEntry.select().where(AuditEntry.action == "account.exported").exists()
    account = zipped(olga, cast.ada.id)
    assert account["account"]["email"] == cast.ada.email
    assert cast.ben.email not in json.dumps(account)
    entry = AuditEntry.get(AuditEntry.action == "account.exported")
    assert (entry.actor, entry.target) == (cast.olga.email, cast.ada.email)


def test_data_needs_a_token_and_a_fresh_proof(olga: FlaskClient, cast: Cast) -> None:
    path = f"/people/{cast.ada.id}/export"
    assert olga.post(path).status_code == 400
    token = forms.token(olga, path)
    SignIn.update(confirmed_at=EPOCH).execute()
    for answer in (olga.get(path), olga.post(path, data={"csrf_token": token})):
        assert answer.location.startswith("/confirm?next=")
    assert not AuditEntry.select().where(AuditEntry.action == "account.exported").exists()


def test_data_of_nobody(olga: FlaskClient, cast: Cast, publisher: Publisher) -> None:
    assert olga.get("/people/4711/export").status_code == 404
    retention.erase(publisher, cast.ben.email, actor=ACTOR, now=now())
    assert olga.get(f"/people/{cast.ben.id}/export").status_code == 404
    assert "/export" not in olga.get(f"/people/{cast.ben.id}").text


def test_data_is_not_taken_without_bound(olga: FlaskClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "OPERATORS_EXPORTS", data.OPERATORS_EXPORTS._replace(attempts=2))
    path = f"/people/{cast.ada.id}/export"
    assert [forms.post(olga, path, page=path).status_code for _ in range(3)] == [200, 200, 429]


def test_operators_only(client: FlaskClient, cast: Cast) -> None:
    paths = ("/people.csv", "/cards.csv", f"/people/{cast.ada.id}/export", "/people/4711/export")
    for path in paths:
        assert client.get(path).status_code == 302
    forms.sign_in(client, cast.ada)
    SignIn.update(confirmed_at=EPOCH).execute()
    for path in paths:
        assert client.get(path).status_code == 404
    assert forms.post(client, paths[2], page="/account").status_code == 404
