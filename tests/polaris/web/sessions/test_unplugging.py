"""An ended session says to unplug the cable only while that helps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from polaris.domain.enums import Authorization
from polaris.domain.limits import UNPLUG_WITHIN
from polaris.models import ChargingSession, Connector, StopRequest
from polaris.services import NAME
from polaris.web.sessions import queries
from polaris.web.sessions.topic import SessionTopic
from tests.support import forms
from tests.support.behaving import History
from tests.support.cast import Cast, now
from tests.support.charging import Charging
from tests.support.pages import Open, direct
from tests.support.wait import eventually

pytestmark = pytest.mark.both_databases

HINT = "Unplug the cable; some chargers hold it until the card is tapped again."


@pytest.fixture
def says_so(app: Flask, cast: Cast) -> Callable[[int], bool]:
    def has_hint(number: int) -> bool:
        client = app.test_client()
        forms.sign_in(client, cast.ada)
        return HINT in client.get(f"/sessions/{number}").text

    return has_hint


def ended(charging: Charging, cast: Cast, reason: str = "Remote") -> int:
    number = charging.start(cast.ada.id_tag)
    charging.status("Charging")
    charging.end(number, 5200, reason=reason)
    return number


@pytest.mark.parametrize(
    ("reason", "is_said"),
    [
        ("Remote", True),
        ("Local", True),
        ("", True),
        ("PowerLoss", True),
        ("EVDisconnected", False),
        ("EV_DISCONNECTED", False),
        ("EVCommunicationLost", False),
        ("EVDeparted", False),
        ("UnlockCommand", False),
        ("Timeout", False),
        ("EVConnectTimeout", False),
    ],
)
def test_by_reason(says_so, charging: Charging, cast: Cast, reason: str, is_said: bool) -> None:
    assert says_so(ended(charging, cast, reason)) == is_said


def test_only_lately(says_so, charging: Charging, cast: Cast) -> None:
    number = ended(charging, cast)
    charging.status("Finishing")
    assert says_so(number)
    view = queries.session_view(number, now(), timedelta(seconds=150))
    assert view is not None
    assert view.ended_at is not None
    assert view.changes_at == view.ended_at + UNPLUG_WITHIN  # an open page is pushed without it then
    later = queries.session_view(number, view.changes_at, timedelta(seconds=150))
    assert later is not None
    assert (later.is_plugged_in, later.changes_at) == (False, None)


def test_not_once_connector_is_free(says_so, charging: Charging, cast: Cast) -> None:
    charging.status("Available")
    number = ended(charging, cast)
    assert says_so(number)
    charging.status("Available", connector=2)
    assert says_so(number)
    charging.status("Available")
    assert not says_so(number)


def test_free_before_start_tells_nothing(says_so, charging: Charging, cast: Cast) -> None:
    charging.status("Available")
    number = charging.start(cast.ada.id_tag)
    ChargingSession.update(connector_status="").execute()
    Connector.update(changed_at=now() - timedelta(hours=1)).execute()
    charging.end(number, 5200)
    assert says_so(number)


def test_not_once_next_session_began(says_so, charging: Charging, cast: Cast) -> None:
    number = ended(charging, cast)
    charging.start(cast.ben.id_tag, connector=2)
    assert says_so(number)
    charging.start(cast.ben.id_tag)
    assert not says_so(number)


def test_not_after_refusal(says_so, charging: Charging, cast: Cast) -> None:
    number = ended(charging, cast)
    ChargingSession.update(authorization=Authorization.BLOCKED, energy_wh=0).execute()
    assert not says_so(number)


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_open_page_follows_connector(open_: Open, charging: Charging, cast: Cast) -> None:
    number = ended(charging, cast)
    page = open_(SessionTopic(number), cast.ada)
    assert page.shows(HINT, in_="-live")
    charging.status("Available")

    def is_gone() -> bool:
        page.take()
        return HINT not in page.shown[f"session-{number}-live"]

    assert eventually(is_gone)


@pytest.mark.parametrize(
    ("needed", "by", "words"),
    [
        ([False] * 9, "driver", HINT),
        ([False] * 10, "driver", "Unplug the cable.<"),
        ([False] * 10, "card", "Unplug the cable.<"),
        ([True] * 10, "driver", "Unplug the cable; this charger holds it until the card is tapped again."),
        ([True] * 10, "card", HINT),
        ([True, False] * 10, "driver", HINT),
    ],
)
def test_by_what_the_charger_did(
    app: Flask, charging: Charging, cast: Cast, needed: list[bool], by: str, words: str
) -> None:
    history = History(cast.depot_7.id, cast.ada.id, now())
    history.stops([2.0] * 20)
    history.cables(needed)
    number = charging.start(cast.ada.id_tag)
    if by == "driver":
        app.extensions[NAME].ingest.request_stop(number, cast.ada.id, now())
        StopRequest.update(state="sent").where(StopRequest.session == number).execute()  # no bridge was there
    charging.end(number, 5200)
    client = app.test_client()
    forms.sign_in(client, cast.ada)
    assert words in client.get(f"/sessions/{number}").text
