"""An account has a bounded number of signed-in devices; the one that was seen the longest ago is signed out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from polaris.administration.devices import MAX_DEVICES
from polaris.models import AuditEntry, SignIn
from polaris.push.hub import Hub
from polaris.web.account.topic import AccountTopic
from tests.support import forms
from tests.support.cast import Cast, now
from tests.support.pages import Open, direct


def add_devices(account_id: int, count: int) -> None:
    for number in range(count):
        at = now() - timedelta(days=1) + timedelta(minutes=number)
        SignIn.create(id=f"{account_id}-{number}", account=account_id, user_agent="", created_at=at, last_seen_at=at)


def signed_in(account_id: int) -> set[str]:
    rows = SignIn.select(SignIn.id).where(SignIn.account == account_id, SignIn.revoked_at.is_null())
    return {row.id for row in rows}


@pytest.mark.both_databases
def test_devices_of_account_bounded(app: Flask, people: Cast) -> None:
    for person in (people.ada, people.ben):
        add_devices(person.id, MAX_DEVICES)
    client = app.test_client()
    forms.sign_in(client, people.ada)
    assert len(signed_in(people.ada.id)) == MAX_DEVICES
    assert f"{people.ada.id}-0" not in signed_in(people.ada.id)
    assert client.get("/account").status_code == 200
    assert len(signed_in(people.ben.id)) == MAX_DEVICES
    assert f"{people.ben.id}-0" in signed_in(people.ben.id)
    details = [row.detail for row in AuditEntry.select().where(AuditEntry.action == "device.signed_out")]
    assert details == [f"more than {MAX_DEVICES} devices"]


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_stream_of_signed_out_device_ends(hub: Hub, open_: Open, app: Flask, people: Cast) -> None:
    add_devices(people.ada.id, MAX_DEVICES)
    page = open_(AccountTopic(people.ada.id), people.ada, sign_in_id=f"{people.ada.id}-0")
    assert page.shows("active")
    forms.sign_in(app.test_client(), people.ada)
    assert page.ends(timeout_s=60)
    assert page.heard[-1] == "signed-out"
