"""Ends that name no session: whatever the order they come in, and however often, the totals are the same."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polaris import models
from polaris.domain.facts import SessionStarted
from polaris.models import ChargingSession, UnmatchedEnd
from tests.support.ingest_cast import Cast, at, session

pytestmark = pytest.mark.both_databases

_cards = itertools.count(1)


@pytest.mark.field(4, 10)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(order=st.lists(st.sampled_from(["start", "end"]), min_size=2, max_size=6).filter(lambda o: len(set(o)) == 2))
def test_start_and_unnumbered_end_in_any_order(cast: Cast, order: list[str]) -> None:
    card = f"CARD-{next(_cards)}"
    start = SessionStarted(
        charger_id=cast.charger, received_at=at(700), connector=1, id_tag=card, at=at(0), meter_start_wh=1000
    )
    end = cast.ended(-1, 600, 3000, id_tag=card)
    for which in order:
        cast.store(start if which == "start" else end, seconds=700)
    with models.database.connection_context():
        made = list(ChargingSession.select().where(ChargingSession.id_tag == card))
        kept = list(UnmatchedEnd.select().where(UnmatchedEnd.id_tag == card))
    assert [(one.state, one.energy_wh, one.ended_at) for one in made] == [("completed", 2000, at(600))]
    assert [one.session_id for one in kept] == [made[0].number]


@pytest.mark.field(5)
@pytest.mark.parametrize(
    ("meter_stop_wh", "state"),
    [(3000, "completed"), (1500, "active"), (None, "active"), (900_000, "active"), (2000, "completed")],
)
def test_without_card_register_must_continue(cast: Cast, meter_stop_wh: int | None, state: str) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, 60, 2000))
    cast.store(cast.ended(-1, 600, meter_stop_wh))
    assert session(number).state == state


@pytest.mark.field(4)
def test_never_joins_another_charger(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.ended(number + 1, 600, 3000, id_tag="ADA-1", charger_id=cast.other_charger))
    assert session(number).state == "active"
