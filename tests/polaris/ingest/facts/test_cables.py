"""After a stop, it is kept whether the charger let go of the cable without a card."""

from __future__ import annotations

import pytest

from polaris import models
from polaris.domain.enums import RequestEvent
from polaris.domain.facts import ConnectorStatusChanged
from polaris.ingest import CommandResult
from polaris.models import StopRequest
from polaris.pubsub import RequestKind
from tests.support.ingest_cast import Cast, at

pytestmark = pytest.mark.both_databases


def available(cast: Cast, seconds: float, asked: float | None) -> None:
    fact = ConnectorStatusChanged(
        charger_id=cast.charger,
        received_at=at(seconds),
        connector=1,
        status="Available",
        error_code="",
        info="",
        at=at(seconds),
        card_asked_at=None if asked is None else at(asked),
    )
    cast.store(fact, seconds=seconds)


def stopped(cast: Cast) -> int:
    """The number of a session that was stopped from here, and ended at 10 s."""
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(1))
    with models.database.connection_context():
        StopRequest.update(state="requested").execute()  # no bridge was there
    cast.ingest.claim(RequestKind.STOP, 1, cast.charger, "c-1", at(2))
    cast.ingest.record(RequestKind.STOP, 1, CommandResult(RequestEvent.ACCEPTED), at(3))
    cast.store(cast.ended(number, 10, 2000, reason="Remote"), seconds=10)
    return number


def kept() -> tuple[float | None, bool | None]:
    with models.database.connection_context():
        stop = StopRequest.get()
    return stop.freed_at and (stop.freed_at - at(0)).total_seconds(), stop.is_card_needed


@pytest.mark.parametrize(("asked", "needed"), [(20, True), (0, False), (None, None)])
def test_kept_once(cast: Cast, asked: float | None, needed: bool | None) -> None:
    stopped(cast)
    available(cast, 30, asked)
    available(cast, 40, 35)
    assert kept() == (30, needed)


def test_not_of_a_later_session(cast: Cast) -> None:
    stopped(cast)
    number = cast.start(seconds=20).number
    cast.store(cast.ended(number, 60, 3000), seconds=60)
    available(cast, 90, 80)
    assert kept() == (None, None)


def test_not_long_after(cast: Cast) -> None:
    stopped(cast)
    available(cast, 3600, 3000)
    assert kept() == (None, None)
