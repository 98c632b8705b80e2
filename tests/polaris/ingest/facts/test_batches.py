"""The batch paths of starts and ends: they store what the single-row path does, and leave to it what is unusual."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polaris import models
from polaris.domain.enums import Authorization
from polaris.domain.facts import Fact, Report, SessionEnded, SessionMetered, SessionReported, SessionStarted
from polaris.domain.metering import BEGIN, END, PERIODIC, Reading
from polaris.ingest import Outcome
from polaris.ingest.facts import session_end, session_meter, session_start, transaction_events
from polaris.models import (
    Account,
    Charger,
    ChargingSession,
    EvCard,
    MeterReading,
    RememberedAnswer,
    SessionNote,
    TransactionEvent,
)
from tests.support.ingest_cast import NOW, Cast, at, session

pytestmark = pytest.mark.both_databases

SINGLY: dict[type[Fact], Callable[..., Outcome]] = {
    SessionStarted: session_start.started,
    SessionMetered: session_meter.metered,
    SessionEnded: session_end.ended,
    SessionReported: transaction_events.reported,
}
OF_A_ROW = {"id", "number", "charger", "card", "account", "session", "revision", "start_key", "key", "payload_hash"}
_numbers = itertools.count(1)


def chargers(count: int) -> list[int]:
    """Make chargers, each with a card of its own: `CARD-<charger>`."""
    ids = []
    with models.database.connection_context():
        for number in itertools.islice(_numbers, count):
            identity = f"batch-{number}"
            charger = Charger.create(identity=identity, name=identity, site=1, key_hash="", key_version=1)
            account = Account.create(
                email=f"{identity}@example.com", role="driver", status="active", password_hash="", created_at=NOW
            )
            EvCard.create(account=account, id_tag=f"CARD-{charger.id}", status="active", created_at=NOW)
            ids.append(charger.id)
    return ids


def start(charger_id: int, *, id_tag: str = "", **values: Any) -> SessionStarted:
    rest: dict[str, Any] = {"received_at": at(5), "connector": 1, "at": at(0), "meter_start_wh": 1000}
    return SessionStarted(charger_id=charger_id, id_tag=id_tag or f"CARD-{charger_id}", **rest | values)


def event(charger_id: int, seq_no: int, report: Report, *readings: Reading, **values: Any) -> SessionReported:
    rest: dict[str, Any] = {
        "received_at": at(60 * seq_no + 5),
        "raw": {"seqNo": seq_no},
        "transaction_id": "t",
        "at": at(60 * seq_no),
        "connector": 0,
        "id_tag": None,
        "status": "",
        "reason": "",
        "is_offline": False,
    }
    return SessionReported(charger_id=charger_id, seq_no=seq_no, report=report, readings=readings, **rest | values)


@st.composite
def _visits(draw: st.DrawFn) -> Callable[[int, int], list[Fact]]:
    """A session from its start to its end, as a charger of either version tells it, by its charger's id and number."""
    is_2x, end_s = draw(st.booleans()), draw(st.sampled_from([30, 180, 3600]))
    begin = draw(st.sampled_from([None, 0, 1000]))
    registers = st.lists(st.none() | st.integers(0, 5000), max_size=3)
    between = [Reading(at(20 + s), register_wh=wh, power_w=2000) for s, wh in enumerate(draw(registers))]
    last = [Reading(at(end_s), draw(st.sampled_from([PERIODIC, END])), register_wh=wh) for wh in draw(registers)[:1]]
    card = draw(st.sampled_from(["own", "unknown", "none"]))
    is_dated, is_offline, status = draw(st.booleans()), draw(st.booleans()), draw(st.sampled_from(["", "Charging"]))
    stop_wh = draw(st.none() | st.integers(0, 6000))

    def facts(charger_id: int, number: int) -> list[Fact]:
        id_tag = {"own": f"CARD-{charger_id}", "unknown": "NOBODY", "none": None}[card]
        start_at = at(0) if is_dated else None
        if not is_2x:
            ids = {"charger_id": charger_id, "connector": 1, "number": number}
            return [
                start(charger_id, id_tag=id_tag or "X", at=start_at, meter_start_wh=begin or -1, message_id="1"),
                SessionMetered(received_at=at(25), readings=tuple(between), **ids),
                SessionEnded(
                    charger_id=charger_id,
                    number=number,
                    received_at=at(end_s + 5),
                    at=at(end_s),
                    meter_stop_wh=stop_wh,
                    reason="Local",
                    id_tag=id_tag,
                    readings=tuple(last),
                    message_id="2",
                ),
            ]
        first = [] if begin is None else [Reading(at(0), BEGIN, register_wh=begin)]
        values = {"at": start_at, "connector": 1, "id_tag": id_tag, "status": status, "is_offline": is_offline}
        return [
            event(charger_id, 0, Report.STARTED, *first, **values),
            event(charger_id, 1, Report.UPDATED, *between, received_at=at(25), at=at(20)),
            event(charger_id, 2, Report.ENDED, *last, received_at=at(end_s + 5), at=at(end_s), id_tag=id_tag),
        ]

    return facts


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(visits=st.lists(_visits(), min_size=1, max_size=4))
def test_batch_stores_what_single_rows_do(cast: Cast, visits: list[Callable[[int, int], list[Fact]]]) -> None:
    together, singly = chargers(len(visits)), chargers(len(visits))
    for step in range(3):
        batch = [tell(charger, _number(charger))[step] for tell, charger in zip(visits, together, strict=True)]
        outcomes = cast.ingest.store(batch, NOW)
        for tell, charger, outcome in zip(visits, singly, outcomes, strict=True):
            assert _seen(_apply(tell(charger, _number(charger))[step])) == _seen(outcome)
    assert [_stored(charger) for charger in together] == [_stored(charger) for charger in singly]


def _apply(fact: Fact) -> Outcome:
    with models.database.connection_context(), models.database.atomic():
        return SINGLY[type(fact)]([], fact, NOW)


def _seen(outcome: Outcome) -> tuple[str, Authorization | None] | None:
    return None if outcome is None else (type(outcome).__name__, outcome.authorization)


def _number(charger_id: int) -> int:
    with models.database.connection_context():
        newest = ChargingSession.select().where(ChargingSession.charger == charger_id).first()
        return 0 if newest is None else newest.number


def _stored(charger_id: int) -> list[list[dict[str, Any]]]:
    """Return all that is stored of a charger, but for what is a row's own."""
    with models.database.connection_context():
        numbers = ChargingSession.select(ChargingSession.number).where(ChargingSession.charger == charger_id)
        queries = [
            ChargingSession.select().where(ChargingSession.charger == charger_id),
            MeterReading.select().where(MeterReading.session.in_(numbers)).order_by(MeterReading.id),
            SessionNote.select().where(SessionNote.session.in_(numbers)).order_by(SessionNote.kind),
            TransactionEvent.select().where(TransactionEvent.charger == charger_id).order_by(TransactionEvent.id),
            RememberedAnswer.select().where(RememberedAnswer.charger == charger_id).order_by(RememberedAnswer.id),
        ]
        return [[_own(row.__data__, charger_id) for row in query] for query in queries]


def _own(values: dict[str, Any], charger_id: int) -> dict[str, Any]:
    kept = {name: value for name, value in values.items() if name not in OF_A_ROW}
    return kept | {"id_tag": str(values.get("id_tag")).replace(f"CARD-{charger_id}", "own")}


def test_card_twice_in_a_batch_charges_once(cast: Cast) -> None:
    batch = [start(charger, id_tag="ADA-1") for charger in chargers(2)]
    assert _authorizations(cast.store(*batch)) == [Authorization.ACCEPTED, Authorization.CONCURRENT_TX]


def test_card_that_charges_elsewhere(cast: Cast) -> None:
    one, other = chargers(2)
    cast.store(start(one, id_tag="ADA-1"))
    assert _authorizations(cast.store(start(other, id_tag="ADA-1"))) == [Authorization.CONCURRENT_TX]


def test_repeated_start_in_a_batch(cast: Cast) -> None:
    one, other = chargers(2)
    first = cast.store(start(one, message_id="1"))
    again = cast.store(start(one, message_id="1"), start(other, message_id="1"))
    without_id = cast.store(start(one))
    assert again[0] == without_id[0] == first[0]
    assert again[1] is not None
    assert again[1] != first[0]


def test_start_on_a_taken_connector_closes_its_session(cast: Cast) -> None:
    one, other = chargers(2)
    (first,) = cast.store(start(one))
    cast.store(start(one, received_at=at(605), at=at(600)), start(other, received_at=at(605), at=at(600)))
    assert first is not None
    assert session(first.number).state == "estimated"


def test_tariff_of_each_start(cast: Cast) -> None:
    with models.database.connection_context():
        first = models.Tariff.get()
        values = {name: first.__data__[name] for name in ("site", "currency", "per_kwh", "per_minute", "per_session")}
        later = models.Tariff.create(**values, tax_percent=first.tax_percent, valid_from_at=at(0))
    times = [{"at": at(seconds), "received_at": at(seconds)} for seconds in (-5, 0, -7, 60)]
    batch = [start(charger, **values) for charger, values in zip(chargers(4), times, strict=True)]
    assert _tariffs(cast.store(*batch)) == [first.id, later.id, first.id, later.id]


def _tariffs(outcomes: Sequence[Any]) -> list[int | None]:
    return [session(outcome.number).tariff_id for outcome in outcomes]


def _authorizations(outcomes: Sequence[Any]) -> list[Authorization]:
    return [outcome.authorization for outcome in outcomes]
