"""Drivers are told what they chose, once each, with the transaction of what it is about or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from polaris.administration import notices
from polaris.domain import notices as limits
from polaris.domain.enums import RequestEvent, Role
from polaris.domain.facts import ChargerConnected, ChargerDisconnected
from polaris.domain.limit import Limit, LimitKind
from polaris.domain.notices import NEWS_FOR, OFFLINE_AFTER, Channel, Occasion
from polaris.ingest import CommandResult, driver_notices
from polaris.ingest.session_limits import SessionLimits
from polaris.models import Account, StopRequest, run_blocking
from polaris.pubsub import Publisher, RequestKind
from tests.support.ingest_cast import Cast, at, session
from tests.support.notices import charged, choose, mails, noted, pushes

pytestmark = pytest.mark.both_databases

OFFLINE_S = OFFLINE_AFTER.total_seconds()


def test_end_is_told_once_however_often_it_comes(cast: Cast) -> None:
    choose(cast.ada)
    number = charged(cast)
    for seconds in (3600, 3700):
        cast.store(cast.ended(number, 3600, 13_340), seconds=seconds)
    assert noted() == [(number, Occasion.ENDED)]
    (mail,) = mails()
    assert (mail.recipient, mail.due_at) == ("ada@example.com", at(3600))
    assert pushes() == []


def test_end_on_the_single_row_path_is_told(cast: Cast) -> None:
    choose(cast.ada)
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(10))
    cast.store(cast.ended(number, 60, 2000), seconds=60)
    assert (number, Occasion.ENDED) in noted()


@pytest.mark.parametrize("wanted", [{Occasion.LIMIT, Occasion.ENDED}, {Occasion.LIMIT}, {Occasion.ENDED}])
def test_stop_at_limit_is_told_once(cast: Cast, publisher: Publisher, wanted: set[Occasion]) -> None:
    notices.choose(cast.ada, frozenset((each, Channel.MAIL) for each in wanted), "", now=at(0))
    number = cast.start().number
    SessionLimits(publisher).set_limit(number, cast.ada, Limit(LimitKind.ENERGY, 5000), at(1))
    cast.store(cast.metered(number, 1200, 6000), seconds=1200)
    stop = run_blocking(lambda: StopRequest.get(StopRequest.session == number))
    cast.ingest.claim(RequestKind.STOP, stop.id, cast.charger, "c-1", at(1201))
    for seconds in (1210, 1300):
        cast.store(cast.ended(number, 1210, 6100), seconds=seconds)
    assert noted() == [(number, Occasion.LIMIT if Occasion.LIMIT in wanted else Occasion.ENDED)]


def test_nobody_is_told_what_they_did_not_choose(cast: Cast) -> None:
    choose(cast.ben)
    charged(cast)
    assert noted() == []


def test_what_came_late_is_no_news(cast: Cast) -> None:
    choose(cast.ada)
    first, second = cast.start().number, cast.start(connector=2).number
    late_s = 60 + NEWS_FOR.total_seconds()
    cast.ingest.renew_lease("bridge-1", at(late_s))
    for number, seconds in ((first, late_s), (second, late_s - 1)):
        end = cast.ended(number, 60, 2000)
        cast.ingest.store([type(end)(**{**_values(end), "received_at": at(seconds)})], at(seconds))
    assert noted() == [(second, Occasion.ENDED)]


def _values(fact: object) -> dict[str, object]:
    return {name: getattr(fact, name) for name in fact.__struct_fields__}  # type: ignore[attr-defined]


def test_estimate_and_the_end_after_it_are_told_once(cast: Cast) -> None:
    choose(cast.ada)
    number = cast.start().number
    cast.store(cast.metered(number, 60, 2000), seconds=60)
    cast.start(seconds=600, id_tag="BEN-1", meter_start_wh=2000)
    assert session(number).state == "estimated"
    cast.store(cast.ended(number, 300, 2100), seconds=700)
    assert noted() == [(number, Occasion.ENDED)]


def test_stop_that_failed_is_told_once_to_who_asked(cast: Cast) -> None:
    choose(cast.ada)
    number = cast.start().number
    run_blocking(Account.update(role=Role.OPERATOR).where(Account.id == cast.olga).execute)
    for seconds, account in ((1, cast.olga), (20, cast.ada), (40, cast.ada)):  # no bridge takes them
        cast.ingest.request_stop(number, account, at(seconds))
        assert noted() == ([(number, Occasion.NOT_STOPPED)] if seconds > 1 else [])


def test_accepted_stop_without_an_end_is_told(cast: Cast) -> None:
    choose(cast.ada)
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(1))
    run_blocking(StopRequest.update(state="accepted", attempts=2, deadline_at=at(30)).execute)
    row = StopRequest.get()
    cast.ingest.record(RequestKind.STOP, row.id, CommandResult(RequestEvent.DEADLINE), at(31))
    assert noted() == [(number, Occasion.NOT_STOPPED)]


def disconnect(cast: Cast, seconds: float) -> None:
    cast.store(
        ChargerDisconnected(charger_id=cast.charger, received_at=at(seconds), connection_id="c-1"), seconds=seconds
    )


def connect(cast: Cast, seconds: float) -> None:
    cast.store(
        ChargerConnected(
            charger_id=cast.charger,
            received_at=at(seconds),
            bridge_id="bridge-1",
            connection_id="c-1",
            protocol="ocpp1.6",
        ),
        seconds=seconds,
    )


def test_each_long_absence_is_told_once(cast: Cast) -> None:
    choose(cast.ada)
    number = cast.start().number
    told = (number, Occasion.OFFLINE)
    disconnect(cast, 100)
    cast.ingest.note_offline(at(99 + OFFLINE_S))
    assert noted() == []
    for seconds in (100, 130, 160):
        cast.ingest.note_offline(at(seconds + OFFLINE_S))
    assert noted() == [told]
    connect(cast, 1000)
    cast.ingest.renew_lease("bridge-1", at(1000))
    cast.ingest.note_offline(at(1001))
    disconnect(cast, 2000)
    cast.ingest.note_offline(at(2000 + OFFLINE_S))
    assert noted() == [told, told]
    cast.store(cast.ended(number, 2100, 2000), seconds=2100 + OFFLINE_S)
    disconnect(cast, 4000)
    cast.ingest.note_offline(at(4000 + OFFLINE_S))
    assert len(noted()) == 3  # the end


def test_absence_that_began_long_ago_is_no_news(cast: Cast) -> None:
    cast.start()
    disconnect(cast, 100)
    choose(cast.ada)
    cast.ingest.note_offline(at(100) + NEWS_FOR + timedelta(seconds=1))
    assert noted() == []


def test_bridge_that_died_leaves_its_chargers_offline(cast: Cast) -> None:
    choose(cast.ada)
    number = cast.start().number
    cast.ingest.note_offline(at(3600))
    assert noted() == [(number, Occasion.OFFLINE)]


def test_notices_of_an_account_are_bounded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert driver_notices.MAX_NOTICES == limits.MAX_NOTICES
    monkeypatch.setattr(driver_notices, "MAX_NOTICES", 3)
    choose(cast.ada)
    for turn in range(5):
        number = cast.start(seconds=turn * 100, meter_start_wh=1000 * turn).number
        cast.store(cast.ended(number, turn * 100 + 50, 1000 * turn + 500), seconds=turn * 100 + 50)
    assert len(noted()) == 3


def test_pushes_go_to_no_device_that_is_not_subscribed(cast: Cast) -> None:
    choose(cast.ada, Channel.PUSH)
    charged(cast)
    assert len(noted()) == 1
    assert mails() == []
    assert pushes() == []
