"""Limits as rows: who may set them, reached once by a reading or the clock, sent by whoever comes first."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from polaris import models
from polaris.domain.enums import RequestEvent
from polaris.domain.facts import ChargerConnected, ChargerDisconnected, Report, SessionReported
from polaris.domain.instants import to_microseconds
from polaris.domain.limit import Limit, LimitKind
from polaris.domain.metering import Reading
from polaris.ingest import CommandResult, Limited, Refusal, SentLimit, Started
from polaris.ingest.requests import PendingRequest
from polaris.ingest.requests.set_limits import LimitRefusal
from polaris.ingest.session_limits import LimitTurn, SessionLimits
from polaris.models import (
    Account,
    AuditEntry,
    Charger,
    ChargingSession,
    EvCard,
    SessionLimit,
    StopRequest,
    Tariff,
)
from polaris.pubsub import Publisher, RequestKind
from tests.support.ingest_cast import Cast, at, session, stop_states

pytestmark = pytest.mark.both_databases

AT_5_KWH = Limit(LimitKind.ENERGY, 5000)
AT_80_PERCENT = Limit(LimitKind.SOC, 80)


@pytest.fixture
def limits(cast: Cast, publisher: Publisher) -> SessionLimits:
    return SessionLimits(publisher)


@pytest.fixture
def set_(cast: Cast, limits: SessionLimits) -> Callable[..., LimitRefusal | None]:
    def set_limit(number: int, limit: Limit = AT_5_KWH, seconds: float = 1, **values: bool) -> LimitRefusal | None:
        return limits.set_limit(number, cast.ada, limit, at(seconds), **values)

    return set_limit


def until(seconds: float) -> Limit:
    return Limit(LimitKind.TIME, to_microseconds(at(seconds)))


def row(number: int) -> SessionLimit:
    with models.database.connection_context():
        return SessionLimit.select().where(SessionLimit.session == number).order_by(SessionLimit.id.desc()).get()


def stops(number: int) -> list[StopRequest]:
    with models.database.connection_context():
        return list(StopRequest.select().where(StopRequest.session == number).order_by(StopRequest.id))


def audited() -> list[tuple[str, str, str]]:
    with models.database.connection_context():
        return [(entry.actor, entry.action, entry.target) for entry in AuditEntry.select().order_by(AuditEntry.id)]


def reconnect(cast: Cast, seconds: float, connection_id: str = "c-2", protocol: str = "ocpp1.6") -> None:
    cast.store(
        ChargerConnected(
            charger_id=cast.charger,
            received_at=at(seconds),
            bridge_id="bridge-1",
            connection_id=connection_id,
            protocol=protocol,
        ),
        seconds=seconds,
    )


def disconnect(cast: Cast, seconds: float) -> None:
    cast.store(
        ChargerDisconnected(charger_id=cast.charger, received_at=at(seconds), connection_id="c-1"), seconds=seconds
    )


def claim(cast: Cast, request_id: int, seconds: float, connection_id: str = "c-1") -> bool:
    return cast.ingest.claim(RequestKind.STOP, request_id, cast.charger, connection_id, at(seconds)) is not None


def test_reached_by_first_reading_at_it(cast: Cast, set_, limits: SessionLimits) -> None:
    number = cast.start().number
    assert set_(number) is None
    cast.store(cast.metered(number, 600, 5999), seconds=600)
    assert stop_states(number) == []
    cast.store(cast.metered(number, 1200, 6000), seconds=1200)
    (stop,) = stops(number)
    assert (stop.state, stop.limit_id, stop.account_id) == ("requested", row(number).id, cast.ada)
    assert (row(number).reached_at, row(number).was_offline) == (at(1200), False)
    cast.store(cast.metered(number, 1260, 7000), seconds=1260)
    assert len(stops(number)) == 1
    assert audited() == [("ada@example.com", "limit.set", f"session {number}")]


def test_reading_of_single_row_path_reaches_it(cast: Cast, set_) -> None:
    number = cast.start().number
    set_(number)
    cast.store(cast.metered(None, 900, 6000), seconds=900)  # it names no session
    assert stop_states(number) == ["requested"]


def test_shown_and_pushed(cast: Cast, set_) -> None:
    number = cast.start().number
    revisions = [session(number).revision]
    set_(number)
    revisions.append(session(number).revision)
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    revisions.append(session(number).revision)
    assert revisions[0] < revisions[1] < revisions[2] - 1


@pytest.mark.parametrize("who", ["ben", "olga", "nobody"])
def test_only_the_driver(cast: Cast, limits: SessionLimits, who: str) -> None:
    number = cast.start().number
    account_id = {"ben": cast.ben, "olga": cast.olga, "nobody": 4711}[who]
    assert limits.set_limit(number, account_id, AT_5_KWH, at(1)) is LimitRefusal.NOT_FOUND
    assert limits.remove_limit(number, account_id, at(1)) is LimitRefusal.NOT_FOUND
    assert session(number).limit_id is None


@pytest.mark.parametrize("status", ["stopped", "suspended"])
def test_inactive_account_refused(cast: Cast, set_, limits: SessionLimits, status: str) -> None:
    number = cast.start().number
    with models.database.connection_context():
        Account.update(status=status).execute()
    assert set_(number) is LimitRefusal.ACCOUNT_INACTIVE
    assert limits.remove_limit(number, cast.ada, at(2)) is LimitRefusal.ACCOUNT_INACTIVE


def test_ended_session_refused(cast: Cast, set_) -> None:
    number = cast.start().number
    cast.store(cast.ended(number, 5, 2000))
    assert set_(number, seconds=6) is LimitRefusal.SESSION_ENDED


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [
        (Limit(LimitKind.ENERGY, 0), LimitRefusal.INVALID),
        (Limit(LimitKind.NONE, 0), LimitRefusal.INVALID),
        (until(0), LimitRefusal.INVALID),
        (AT_80_PERCENT, LimitRefusal.NO_SOC),
    ],
)
def test_what_a_session_cannot_come_to(cast: Cast, set_, limit: Limit, refusal: LimitRefusal) -> None:
    assert set_(cast.start().number, limit) is refusal


def test_no_money_without_price(cast: Cast, set_) -> None:
    with models.database.connection_context():
        Tariff.delete().execute()
    assert set_(cast.start().number, Limit(LimitKind.MONEY, 10_000)) is LimitRefusal.NO_PRICE


def test_below_what_has_flowed_asks_first(cast: Cast, set_) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    assert set_(number, seconds=901) is LimitRefusal.REACHED
    assert (session(number).limit_id, stop_states(number)) == (None, [])
    assert set_(number, seconds=902, is_agreed=True) is None
    assert stop_states(number) == ["requested"]


def test_changed_and_removed(cast: Cast, set_, limits: SessionLimits) -> None:
    number = cast.start().number
    set_(number)
    first = row(number)
    set_(number, Limit(LimitKind.ENERGY, 9000), 2)
    assert (row(number).id, row(number).value) == (first.id, 9000)
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    assert stop_states(number) == []
    assert limits.remove_limit(number, cast.ada, at(901)) is None
    assert limits.remove_limit(number, cast.ada, at(902)) is None
    cast.store(cast.metered(number, 1800, 11000), seconds=1800)
    assert stop_states(number) == []
    assert [action for _, action, _ in audited()] == ["limit.set", "limit.set", "limit.removed"]


def test_money_with_tax_and_fee(cast: Cast, set_) -> None:
    """0.35 + 3.26 kWh at 0.39, with 19 % tax, are 1.93; 3.27 kWh are 1.93 too, and 3.28 are 1.94."""
    number = cast.start().number
    set_(number, Limit(LimitKind.MONEY, 1940))
    cast.store(cast.metered(number, 900, 1000 + 3270), seconds=900)
    assert stop_states(number) == []
    cast.store(cast.metered(number, 960, 1000 + 3280), seconds=960)
    assert stop_states(number) == ["requested"]


def test_money_by_the_clock(cast: Cast, set_, limits: SessionLimits) -> None:
    with models.database.connection_context():
        Tariff.update(per_kwh=Decimal(0), per_session=Decimal(0), per_minute=Decimal("0.10"), tax_percent=0).execute()
    number = cast.start().number
    set_(number, Limit(LimitKind.MONEY, 1000))
    assert row(number).look_at == at(601)
    limits.turn("bridge-1", at(594))
    assert stop_states(number) == []
    limits.turn("bridge-1", at(601))
    assert stop_states(number) == ["requested"]


def test_state_of_charge(cast: Cast, set_) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, 60, 1100, soc_percent=70), seconds=60)
    assert set_(number, AT_80_PERCENT, 61) is None
    cast.store(cast.metered(number, 120, 1200, soc_percent=79), seconds=120)
    assert stop_states(number) == []
    cast.store(cast.metered(number, 180, 1300, soc_percent=81), seconds=180)
    assert stop_states(number) == ["requested"]


def test_time_by_the_clock_without_readings(cast: Cast, set_, limits: SessionLimits) -> None:
    number = cast.start().number
    set_(number, until(3600))
    assert limits.turn("bridge-1", at(3599.9)) == LimitTurn([], [])
    (request,) = limits.turn("bridge-1", at(3600)).stops
    assert request == PendingRequest(RequestKind.STOP, stops(number)[0].id, "depot-7")
    assert row(number).reached_at == at(3600)


def test_late_readings_of_ended_session_stop_nothing(cast: Cast, set_, limits: SessionLimits) -> None:
    number = cast.start().number
    set_(number)
    cast.store(cast.ended(number, 600, 3000), seconds=600)
    cast.store(cast.metered(number, 500, 9000), seconds=700)
    limits.turn("bridge-1", at(90_000))
    assert stop_states(number) == []


def test_register_that_began_again(cast: Cast, set_) -> None:
    """4 kWh, then the register falls to 0 and rises to 900 Wh: 4.9 kWh. The limit is not its last figure's."""
    number = cast.start().number
    set_(number)
    for seconds, register_wh in ((900, 5000), (1000, 0), (1100, 300), (1200, 600), (1300, 900)):
        cast.store(cast.metered(number, seconds, register_wh), seconds=seconds)
        assert stop_states(number) == [], session(number).energy_wh
    assert session(number).energy_wh == 4900
    cast.store(cast.metered(number, 1400, 1000), seconds=1400)
    assert stop_states(number) == ["requested"]


def test_manual_stop_at_once_is_one_command(cast: Cast, set_, limits: SessionLimits) -> None:
    number = cast.start().number
    set_(number)
    with models.database.connection_context():
        Charger.update(connection_id="c-1").execute()
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    assert cast.ingest.request_stop(number, cast.ada, at(900.1)) is None
    assert len(stops(number)) == 1


def test_reached_while_a_stop_is_open_waits_for_that(cast: Cast, set_, limits: SessionLimits) -> None:
    number = cast.start().number
    set_(number)
    with models.database.connection_context():
        StopRequest.create(
            session=number,
            account=cast.ada,
            state="sent",
            requested_at=at(890),
            deadline_at=at(910),
            decided_at=at(890),
        )
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    assert stop_states(number) == ["sent"]
    assert row(number).reached_at is None
    limits.turn("bridge-1", at(905))
    assert stop_states(number) == ["sent"]
    cast.ingest.sweep(at(910))  # that one was not answered
    limits.turn("bridge-1", at(911))
    assert stop_states(number) == ["timed_out", "requested"]


def test_claimed_once_whoever_sends_it(cast: Cast, set_, limits: SessionLimits) -> None:
    number = cast.start().number
    set_(number)
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    (request,) = limits.turn("bridge-1", at(900.5)).stops
    assert limits.turn("bridge-2", at(900.5)).stops == []
    assert [claim(cast, request.id, 901) for _ in range(3)] == [True, False, False]
    assert limits.turn("bridge-1", at(901.5)).stops == []
    assert stops(number)[0].deadline_at == at(901 + 20)
    cast.ingest.sweep(at(921))  # it was not answered, and no bridge is there
    assert stop_states(number) == ["requested"]
    (again,) = limits.turn("bridge-1", at(1000)).stops
    assert again.id == request.id
    assert claim(cast, request.id, 1000)
    cast.ingest.sweep(at(1020))
    assert stop_states(number) == ["timed_out"]
    assert limits.turn("bridge-1", at(1021)).stops == [], "once more, and no more"


def test_waits_for_charger_whose_bridge_was_killed(cast: Cast, set_, limits: SessionLimits) -> None:
    number = cast.start().number
    set_(number)
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    disconnect(cast, 901)
    cast.ingest.sweep(at(2000))
    assert (stop_states(number), limits.turn("bridge-1", at(2000)).stops) == (["requested"], [])
    reconnect(cast, 2001)
    (request,) = limits.turn("bridge-1", at(2001.5)).stops
    assert claim(cast, request.id, 2002, "c-2")


def test_does_not_wait_for_ever(cast: Cast, set_) -> None:
    number = cast.start().number
    set_(number)
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    cast.ingest.sweep(at(900 + 7 * 86_400))
    assert stop_states(number) == ["timed_out"]


def test_rejected_is_not_repeated(cast: Cast, set_, limits: SessionLimits) -> None:
    number = cast.start().number
    set_(number)
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    request_id = stops(number)[0].id
    claim(cast, request_id, 901)
    cast.ingest.record(RequestKind.STOP, request_id, CommandResult(RequestEvent.REJECTED), at(902))
    cast.store(cast.metered(number, 960, 6100), seconds=960)
    assert limits.turn("bridge-1", at(9000)).stops == []
    assert stop_states(number) == ["rejected"]
    assert set_(number, Limit(LimitKind.ENERGY, 8000), 9001) is None  # another one may be set
    cast.store(cast.metered(number, 9600, 9000), seconds=9600)
    assert stop_states(number) == ["rejected", "requested"]


def test_refused_while_being_stopped(cast: Cast, set_) -> None:
    number = cast.start().number
    set_(number)
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    assert set_(number, Limit(LimitKind.ENERGY, 8000), 901) is LimitRefusal.BEING_STOPPED


@pytest.mark.parametrize("limit", [AT_5_KWH, until(900)])
def test_reached_while_charger_was_offline(cast: Cast, set_, limits: SessionLimits, limit: Limit) -> None:
    number = cast.start().number
    set_(number, limit)
    disconnect(cast, 600)
    limits.turn("bridge-1", at(1000))
    assert stop_states(number) == []
    reconnect(cast, 1500)
    if limit is AT_5_KWH:
        cast.store(cast.metered(number, 900, 6000), seconds=1501)  # from its memory
    (request,) = limits.turn("bridge-1", at(1501)).stops
    assert (row(number).reached_at, row(number).was_offline) == (at(900), True)
    assert claim(cast, request.id, 1502, "c-2")


def test_asks_for_readings_near_the_limit(cast: Cast, set_, limits: SessionLimits) -> None:
    """At 12 kW, 1 kWh before its limit: it can be reached after five minutes; readings come every fifteen."""
    number = cast.start().number
    set_(number)
    cast.store(cast.metered(number, 900, 5000, power_w=12_000), seconds=900)
    assert limits.turn("bridge-1", at(1199)).asks == []
    (asked,) = limits.turn("bridge-1", at(1200)).asks
    assert (asked.identity, asked.number, asked.connector) == ("depot-7", number, 1)
    assert limits.turn("bridge-1", at(1201)).asks == []
    assert limits.turn("bridge-1", at(1206)).asks == []  # looked at, and asked just now
    assert len(limits.turn("bridge-1", at(1216)).asks) == 1
    assert stop_states(number) == []  # nothing is stopped by what is expected


def test_asks_are_bounded(cast: Cast, set_, limits: SessionLimits) -> None:
    number = cast.start().number
    set_(number)
    cast.store(cast.metered(number, 900, 5990, power_w=12_000), seconds=900)
    asks = [len(limits.turn("bridge-1", at(920 + 20 * turn)).asks) for turn in range(60)]
    assert sum(asks) == 40


def test_begins_with_limit_of_its_card(cast: Cast, set_) -> None:
    first = cast.start().number
    assert set_(first, is_of_card=True) is None
    cast.store(cast.ended(first, 5, 1000))
    second = cast.start(seconds=10).number
    assert (row(second).kind, row(second).value) == ("energy", 5000)
    cast.store(cast.metered(second, 900, 6000), seconds=900)
    assert stop_states(second) == ["requested"]


def test_time_is_never_of_a_card(cast: Cast, set_) -> None:
    set_(cast.start().number, until(600), is_of_card=True)
    with models.database.connection_context():
        assert EvCard.get(EvCard.id_tag == "ADA-1").limit_kind == ""


def test_other_drivers_limit_stays_with_card(cast: Cast, set_) -> None:
    """The card has gone to Ben since: its sessions are his, and Ada sets nothing on it."""
    number = cast.start().number
    with models.database.connection_context():
        EvCard.update(account=cast.ben).where(EvCard.id_tag == "ADA-1").execute()
    set_(number, is_of_card=True)
    with models.database.connection_context():
        assert EvCard.get(EvCard.id_tag == "ADA-1").limit_kind == ""


def event(cast: Cast, seq_no: int, seconds: float, register_wh: int, **values: object) -> SessionReported:
    columns: dict[str, object] = {
        "charger_id": cast.charger,
        "received_at": at(seconds),
        "raw": {"seqNo": seq_no},
        "transaction_id": "tx-1",
        "seq_no": seq_no,
        "report": Report.UPDATED,
        "at": at(seconds),
        "connector": 1,
        "id_tag": None,
        "status": "",
        "reason": "",
        "is_offline": False,
        "readings": (Reading(at(seconds), register_wh=register_wh),),
        "remote_start_id": None,
    }
    return SessionReported(**(columns | values))


def transact(cast: Cast, protocol: str) -> int:
    reconnect(cast, 0, "c-1", protocol)
    cast.store(event(cast, 0, 0, 1000, report=Report.STARTED, id_tag="ADA-1", status="Charging"))
    with models.database.connection_context():
        return ChargingSession.get(ChargingSession.transaction_id == "tx-1").number


@pytest.mark.parametrize(
    ("limit", "sent"),
    [
        (AT_5_KWH, SentLimit(LimitKind.ENERGY, 5000)),
        (Limit(LimitKind.MONEY, 10_000), SentLimit(LimitKind.MONEY, 10_000)),
        (until(3600), SentLimit(LimitKind.TIME, 3600)),
    ],
)
def test_charger_that_keeps_limits_is_told_once(cast: Cast, set_, limit: Limit, sent: SentLimit) -> None:
    number = transact(cast, "ocpp2.1")
    set_(number, limit)
    assert cast.store(event(cast, 1, 60, 1100), seconds=60) == [Limited(sent)]
    assert cast.store(event(cast, 2, 120, 1200), seconds=120) == [None]


def test_charger_is_told_changes_and_removal(cast: Cast, set_, limits: SessionLimits) -> None:
    number = transact(cast, "ocpp2.1")
    set_(number)
    cast.store(event(cast, 1, 60, 1100), seconds=60)
    set_(number, Limit(LimitKind.ENERGY, 7000), 61)
    (outcome,) = cast.store(event(cast, 2, 120, 1200, status="SuspendedEV"), seconds=120)  # the single-row path
    assert outcome == Limited(SentLimit(LimitKind.ENERGY, 7000))
    limits.remove_limit(number, cast.ada, at(121))
    (outcome,) = cast.store(event(cast, 3, 180, 1300, id_tag="ADA-1"), seconds=180)
    assert isinstance(outcome, Started)
    assert outcome.limit == SentLimit(LimitKind.NONE, 0)
    assert session(number).limit_id is None
    cast.store(event(cast, 4, 240, 99_000), seconds=36_000)
    assert stop_states(number) == []


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])
def test_others_are_told_nothing_and_stopped(cast: Cast, set_, protocol: str) -> None:
    number = transact(cast, protocol)
    set_(number)
    assert cast.store(event(cast, 1, 60, 1100), seconds=60) == [None]
    cast.store(event(cast, 2, 900, 6000), seconds=900)
    assert stop_states(number) == ["requested"]


def test_late_event_that_tells_of_more(cast: Cast, set_) -> None:
    number = transact(cast, "ocpp2.0.1")
    set_(number)
    cast.store(event(cast, 3, 120, 1100, readings=(), status="SuspendedEV"), seconds=120)
    cast.store(event(cast, 2, 100, 6000, is_offline=True), seconds=900)
    assert stop_states(number) == (["requested"] if (session(number).energy_wh or 0) >= 5000 else [])


def test_ends_at_it(cast: Cast, set_) -> None:
    number = cast.start().number
    set_(number)
    cast.store(cast.metered(number, 900, 6000), seconds=900)
    claim(cast, stops(number)[0].id, 901)
    cast.store(cast.ended(number, 905, 6100, reason="Remote"), seconds=905)
    assert stop_states(number) == ["completed"]
    assert cast.ingest.request_stop(number, cast.ada, at(906)) is Refusal.SESSION_ENDED
