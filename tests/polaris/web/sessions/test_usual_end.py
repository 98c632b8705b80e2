"""A pending stop says what is usual of its charger, once that was seen ten times."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from polaris.domain.enums import RequestEvent
from polaris.ingest import CommandResult
from polaris.models import StopRequest, blocking
from polaris.pubsub import RequestKind
from polaris.services import NAME
from tests.support import forms
from tests.support.behaving import History
from tests.support.cast import Cast, now
from tests.support.charging import Charging

pytestmark = pytest.mark.both_databases


@blocking
def newest_stop() -> int:
    return int(StopRequest.select().order_by(StopRequest.id.desc()).first().id)


@blocking
def accepted_earlier(stop_id: int, ago: timedelta) -> None:
    StopRequest.update(decided_at=now() - ago).where(StopRequest.id == stop_id).execute()


@pytest.fixture
def pending(app: Flask, cast: Cast, charging: Charging) -> int:
    """The number of a session whose stop the charger has accepted."""
    ingest = app.extensions[NAME].ingest
    number = charging.start(cast.ada.id_tag)
    ingest.request_stop(number, cast.ada.id, now())
    stop_id = newest_stop()
    StopRequest.update(state="requested").where(StopRequest.id == stop_id).execute()  # no bridge was there
    ingest.claim(RequestKind.STOP, stop_id, charging.charger.id, "1", now())
    ingest.record(RequestKind.STOP, stop_id, CommandResult(RequestEvent.ACCEPTED), now())
    return number


@pytest.mark.parametrize(("count", "is_said"), [(9, False), (10, True)])
def test_from_ten_on(app: Flask, cast: Cast, pending: int, count: int, is_said: bool) -> None:
    History(cast.depot_7.id, cast.ada.id, now()).stops([3.2] * count)
    client = app.test_client()
    forms.sign_in(client, cast.ada)
    page = client.get(f"/sessions/{pending}").text
    assert "the charger accepted, waiting for its final reading." in page
    assert ("This one usually ends within 4 s." in page) is is_said
    assert "Longer than usual here." not in page
    accepted_earlier(newest_stop_of(pending), timedelta(seconds=5))
    page = client.get(f"/sessions/{pending}").text
    assert ("Longer than usual here." in page) is is_said
    assert "usually ends" not in page


@blocking
def newest_stop_of(number: int) -> int:
    return int(StopRequest.get(StopRequest.session == number).id)


def test_on_chargers_page(app: Flask, cast: Cast, pending: int) -> None:
    History(cast.depot_7.id, cast.ada.id, now()).stops([3.2] * 10)
    client = app.test_client()
    forms.sign_in(client, cast.olga)
    assert "This one usually ends within 4 s." in client.get("/fleet/depot-7").text
