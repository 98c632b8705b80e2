"""The database as pages see it, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from polaris import administration, models
from polaris.config import Config
from polaris.domain.enums import AccountStatus, Role, SessionState
from polaris.domain.facts import ChargerDisconnected
from polaris.domain.limits import MAX_CURVE_POINTS
from polaris.domain.metering import Reading
from polaris.domain.viewer import Viewer
from polaris.models import Account, SignIn
from polaris.pubsub import Publisher
from polaris.push import access
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions.kept import TIMELINE
from polaris.web.sessions.stop import StopPhase
from polaris.web.sessions.view import SessionView
from tests.support.ingest_cast import NOW, Cast, at, connected_charger

pytestmark = pytest.mark.both_databases

STALE = timedelta(seconds=150)


@pytest.fixture
def cast(database: None, config: Config, publisher: Publisher) -> Cast:
    return connected_charger(config, publisher)


def page(number: int, seconds: float = 60) -> SessionView:
    found = session_queries.session_view(number, at(seconds), STALE)
    assert found is not None
    return found


def test_running_session(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, 10, 3500, power_w=7200, soc_percent=44), seconds=10)
    seen = page(number, 20)
    assert (seen.energy_wh, seen.power_w, seen.soc_percent, seen.elapsed_s) == (2500, 7200, 44, 20)
    assert str(seen.cost.amount) == "1.58"  # (2.5 × 0.39 + 0.35) × 1.19
    assert seen.stop.phase is StopPhase.READY
    assert seen.is_online
    assert not seen.is_stale
    assert seen.changes_at == at(30)  # the bridge's lease


def test_unknown_session(cast: Cast) -> None:
    assert session_queries.session_view(4711, NOW, STALE) is None
    assert not session_queries.visible(4711, cast.olga, Role.OPERATOR)


def test_visible_to_owner_and_operators(cast: Cast) -> None:
    number = cast.start().number
    assert session_queries.visible(number, cast.ada, Role.DRIVER)
    assert session_queries.visible(number, cast.olga, Role.OPERATOR)
    assert not session_queries.visible(number, cast.ben, Role.DRIVER)


def test_session_without_owner(cast: Cast) -> None:
    """What a session is joined with need not be there: a bridge, an account, a tariff."""
    number = cast.start(charger_id=cast.other_charger, id_tag="NOBODY-1").number
    with models.database.connection_context():
        models.ChargingSession.update(tariff=None).execute()
        models.Charger.update(bridge=None, connection_id=None).execute()
    seen = page(number, 20)
    assert (seen.cost, seen.is_online, seen.changes_at) == (None, False, at(150))
    (row,) = session_queries.session_rows(None, [number], at(20))
    assert (row.driver, row.cost, row.is_online) == ("", None, False)


def test_silence_is_stale_not_extrapolated(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, 10, 3500), seconds=10)
    cast.ingest.renew_lease("bridge-1", at(240))
    seen = page(number, 250)
    assert (seen.is_stale, seen.silent_s, seen.energy_wh) == (True, 240, 2500)
    assert seen.changes_at == at(270)  # the lease, before the next minute


def test_offline_after_disconnect_or_lease(cast: Cast) -> None:
    number = cast.start().number
    assert page(number, 29).is_online
    assert not page(number, 30).is_online  # the lease ran out
    cast.ingest.renew_lease("bridge-1", at(30))
    assert page(number, 31).is_online
    cast.store(ChargerDisconnected(charger_id=cast.charger, received_at=at(32), connection_id="c-1"))
    assert not page(number, 33).is_online


def test_ended_session_final_figures(cast: Cast) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(1))
    cast.store(cast.ended(number, 3600, 12_000, reason="Remote"))
    seen = page(number, 9999)
    assert (seen.state, seen.energy_wh, seen.elapsed_s, seen.average_power_w) == (
        SessionState.COMPLETED, 11_000, 3600, 11_000,
    )  # fmt: skip
    assert (seen.power_w, seen.changes_at, seen.stop.phase) == (None, None, StopPhase.READY)
    assert [point.is_final for point in seen.timeline] == [True]


def test_final_reading_listed_first(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.ended(number, 60, 5000))
    cast.store(cast.metered(number, 90, 9000))
    seen = page(number, 100)
    assert [point.is_final for point in seen.timeline] == [True, False]
    assert [point.energy_wh for point in seen.curve] == [4000, 4000]


@pytest.mark.parametrize("count", [1, 2, 20, 21, 199, 200, 201, 1000])
def test_timeline_and_curve_bounded(cast: Cast, count: int) -> None:
    number = cast.start().number
    fact = cast.metered(number, count, 0)
    many = tuple(Reading(at(i), register_wh=1000 + i, power_w=i) for i in range(count))
    cast.store(replace(fact, readings=many))
    seen = page(number, 2000)
    assert len(seen.timeline) == min(count, TIMELINE)
    assert seen.has_more_readings == (count > TIMELINE)
    assert seen.timeline[0].energy_wh == count - 1
    assert len(seen.curve) <= MAX_CURVE_POINTS
    assert len(seen.curve) >= min(count, 100)
    assert (seen.curve[0].energy_wh, seen.curve[-1].energy_wh) == (0, count - 1)
    assert [p.at for p in seen.curve] == sorted({p.at for p in seen.curve})


def test_own_sessions_newest_first(cast: Cast) -> None:
    mine = [cast.start(connector=n, seconds=n).number for n in range(1, 4)]
    others = cast.start(connector=9, id_tag="BEN-1").number
    assert [row.number for row in session_queries.session_list(cast.ada, at(9))] == mine[::-1]
    assert [row.number for row in session_queries.session_list(cast.ada, at(9), before=mine[1])] == mine[:1]
    assert [row.number for row in session_queries.session_list(None, at(9))] == [others, *mine[::-1]]
    assert [row.driver for row in session_queries.session_rows(None, [others], at(9))] == ["ben@example.com"]


def test_signed_out_devices_gone(cast: Cast, config: Config) -> None:
    with models.database.connection_context():
        for name, revoked_at in (("a", None), ("b", NOW)):
            SignIn.create(
                id=name, account=cast.ada, user_agent="", created_at=NOW, last_seen_at=NOW, revoked_at=revoked_at
            )
        Account.update(status="suspended").where(Account.id == cast.ada).execute()
    found = access.devices(["a", "b", "c"], administration.lifetimes(config), now=NOW)
    assert list(found) == ["a"]
    assert found["a"].viewer == Viewer(Role.DRIVER, AccountStatus.SUSPENDED)
