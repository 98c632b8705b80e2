"""FIELD, section A: transactions as chargers really send them, over a socket and into a database."""

from __future__ import annotations

import pytest

from polaris.domain.enums import CardStatus
from polaris.models import EvCard, RememberedAnswer
from tests.support.depot import Depot, readings, row, session, sessions, unprocessable_facts
from tests.support.frames_of import BEGAN, at, begun, meter, notes, sent, start, stop, value
from tests.support.processes import Processes

pytestmark = pytest.mark.both_databases


@pytest.mark.field(2)
async def test_same_frame_same_answer_across_connections(depot: Depot) -> None:
    """Blocking the card in between changes what a new message is told, and not what this one is."""
    card = depot.card()
    async with depot.charger() as charger:
        begin = start(card.id_tag)
        started = await sent(charger, "StartTransaction", begin, "7")
        end = stop(started["transactionId"], idTag=card.id_tag)
        ended = await sent(charger, "StopTransaction", end, "8")
        assert ended == {"idTagInfo": {"status": "Accepted"}}
        EvCard.update(status=CardStatus.BLOCKED).where(EvCard.id == card.id).execute()
        charger.connection.drop()
        await charger.connection.wait_closed()
        assert await sent(charger, "StartTransaction", begin, "7") == started
        assert await sent(charger, "StopTransaction", end, "8") == ended
        assert await sent(charger, "StopTransaction", end, "9") == {"idTagInfo": {"status": "Blocked"}}


@pytest.mark.field(2)
async def test_answers_forgotten_at_boot_and_bounded(depot: Depot) -> None:
    async with depot.charger() as charger:
        mine = RememberedAnswer.charger == row(charger.identity)
        for number in range(70):
            await sent(charger, "StopTransaction", stop(-1, minutes=number), str(number))
        assert RememberedAnswer.select().where(mine).count() == 64
        await charger.boot()
        assert not RememberedAnswer.select().where(mine).exists()


@pytest.mark.field(3)
async def test_reused_message_id_is_new_message(depot: Depot) -> None:
    card, other = depot.card(), depot.card()
    async with depot.charger() as charger:
        first = await sent(charger, "StartTransaction", start(card.id_tag), "1")
        second = await sent(charger, "StartTransaction", start(other.id_tag, connector=2), "1")
        assert first["transactionId"] != second["transactionId"]
        await sent(charger, "StopTransaction", stop(first["transactionId"]), "1")
        assert session(first["transactionId"]).state == "completed"
        assert session(second["transactionId"]).state == "active"


@pytest.mark.field(4, 5)
@pytest.mark.parametrize("number", [-1, 0, 1_999_999_999])
async def test_unnumbered_end_closes_matching_session(depot: Depot, number: int) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        known = await begun(charger, card.id_tag)
        other = await begun(charger, depot.card().id_tag, connector=2)
        end = stop(number, idTag=card.id_tag.lower())
        for _ in "ab":  # and once more, as after a lost answer
            assert await charger.call("StopTransaction", end) == {"idTagInfo": {"status": "Accepted"}}
        assert (session(known).state, session(known).energy_wh) == ("completed", 8000)
        assert session(other).state == "active"
        assert "end_joined" in notes(known)
        assert not unprocessable_facts(charger.identity)


@pytest.mark.field(4)
async def test_ambiguous_end_touches_nothing(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        numbers = [await begun(charger, card.id_tag, connector=connector) for connector in (1, 2)]
        await charger.call("StopTransaction", stop(-1, idTag=card.id_tag))
        await charger.call("StopTransaction", stop(1_999_999_999))  # a number, and no card to go by
        await charger.call("StopTransaction", stop(-1, minutes=-5, idTag=card.id_tag))  # before both began
        await charger.call("StopTransaction", stop(-1, meter_stop=10, idTag=card.id_tag))  # below both starts
        assert [session(number).state for number in numbers] == ["active", "active"]
        assert len(unprocessable_facts(charger.identity)) == 4


@pytest.mark.field(6, 8)
async def test_numbers_positive_and_unique(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    numbers = []
    async with own_depot.charger() as one, own_depot.charger() as other:
        for minutes in range(3):
            if minutes == 2:
                bridge.restart()
            for charger in (one, other):
                begin = start("NOBODY", minutes=minutes)
                numbers.append((await charger.enqueue("StartTransaction", lambda begin=begin: begin))["transactionId"])
    assert len(set(numbers)) == 6
    assert all(0 < number < 2**31 for number in numbers)


@pytest.mark.field(7)
async def test_refused_start_has_session(depot: Depot) -> None:
    card = depot.card(CardStatus.BLOCKED)
    async with depot.charger() as charger:
        answer = await charger.call("StartTransaction", start(card.id_tag))
        assert answer["idTagInfo"] == {"status": "Blocked"}
        number = answer["transactionId"]
        await charger.call("StopTransaction", stop(number, meter_stop=1400, reason="DeAuthorized"))
        assert (session(number).energy_wh, session(number).account_id) == (400, card.account_id)


@pytest.mark.field(9)
async def test_second_end_keeps_first_figures(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("StopTransaction", stop(number))
        assert await charger.call("StopTransaction", stop(number, minutes=70, meter_stop=9999)) == {}
        assert (session(number).energy_wh, session(number).ended_at.isoformat()) == (8000, _iso(60))


@pytest.mark.field(10)
async def test_end_before_start_waits(depot: Depot) -> None:
    """The start may have been superseding nothing: the session that is open on the connector is another, later one."""
    card = depot.card()
    async with depot.charger() as charger:
        running = await begun(charger, depot.card().id_tag, minutes=90)
        data = [value(30, 5000)]
        await charger.call("StopTransaction", stop(-1, idTag=card.id_tag, transactionData=data))
        number = await begun(charger, card.id_tag)
        assert (session(number).state, session(number).energy_wh) == ("completed", 8000)
        assert [reading.register_wh for reading in readings(number)] == [5000, 9000]
        assert "end_joined" in notes(number)
        assert session(running).state == "active"


@pytest.mark.field(10)
async def test_end_skips_later_session_of_card(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        await charger.call("StopTransaction", stop(-1, idTag=card.id_tag))
        assert session(await begun(charger, card.id_tag, minutes=61)).state == "active"


@pytest.mark.field(11)
async def test_late_end_counts_with_charger_time(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("StopTransaction", stop(number, minutes=30))
        found = session(number)
        assert (found.ended_at - found.started_at).total_seconds() == 1800
        assert (found.end_received_at - found.ended_at).total_seconds() > 3600
        assert "replayed_offline" in notes(number)


@pytest.mark.field(13, 74)
async def test_available_before_end_is_evidence(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.status(1, "Available")
        assert (session(number).state, session(number).is_awaiting_end) == ("active", True)
        await charger.call("StopTransaction", stop(number))
        assert (session(number).state, session(number).energy_wh) == ("completed", 8000)


@pytest.mark.field(14)
async def test_start_on_busy_connector_ends_old_session(depot: Depot) -> None:
    async with depot.charger() as charger:
        old = await begun(charger, depot.card().id_tag)
        await charger.call("MeterValues", meter(old, value(10, 3000)))
        new = await begun(charger, depot.card().id_tag, minutes=20)
        assert (session(old).state, session(old).energy_wh, session(new).state) == ("estimated", 2000, "active")
        assert not any(reading.is_final for reading in readings(old))
        await charger.call("StopTransaction", stop(old, minutes=15, meter_stop=3500))
        closed = session(old)
        assert (closed.state, closed.energy_wh, closed.estimated_wh) == ("completed", 2500, 2000)


@pytest.mark.field(15)
@pytest.mark.parametrize("meter_stop", [0, 999, -5, 1200])
async def test_final_figure_below_readings(depot: Depot, meter_stop: int) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("MeterValues", meter(number, value(10, 5000)))
        assert await charger.call("StopTransaction", stop(number, meter_stop=meter_stop)) == {}
        assert (session(number).state, session(number).energy_wh) == ("completed", 4000)
        assert "final_below_readings" in notes(number)


@pytest.mark.field(15)
async def test_final_figure_below_start(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("StopTransaction", stop(number, meter_stop=400))
        assert session(number).energy_wh is None
        assert "final_below_readings" in notes(number)


@pytest.mark.field(16)
async def test_restarted_register_summed(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        for minutes, register_wh in enumerate((3000, 5000, 0, 700, 1500)):
            await charger.call("MeterValues", meter(number, value(minutes, register_wh)))
        await charger.call("StopTransaction", stop(number, minutes=6, meter_stop=1600))
        assert session(number).energy_wh == 4000 + 1600
        assert "register_reset" in notes(number)


@pytest.mark.field(17)
@pytest.mark.parametrize("meter_start", [None, "x", -1, {}])
async def test_missing_start_figure(depot: Depot, meter_start: object) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=meter_start)
        await charger.call("MeterValues", meter(number, value(1, 500_000)))
        assert session(number).energy_wh == 0
        await charger.call("StopTransaction", stop(number, minutes=6, meter_stop=503_000))
        assert session(number).energy_wh == 3000
        assert "start_missing" in notes(number)


@pytest.mark.field(17)
@pytest.mark.parametrize("context", ["Transaction.Begin", "Sample.Periodic"])
async def test_placeholder_start_not_charged(depot: Depot, context: str) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=0)
        first = {"value": "5000000", "context": context}
        await charger.call("MeterValues", meter(number, value(1, first)))
        await charger.call("StopTransaction", stop(number, minutes=6, meter_stop=5_004_000))
        assert session(number).energy_wh == 4000
        assert "start_missing" in notes(number)


@pytest.mark.field(17)
async def test_true_zero_start_counts(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=0)
        await charger.call("MeterValues", meter(number, value(20, 7000)))
        await charger.call("StopTransaction", stop(number, meter_stop=7500))
        assert session(number).energy_wh == 7500
        assert "start_missing" not in notes(number)


@pytest.mark.field(17)
async def test_placeholder_without_readings(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=0)
        await charger.call("StopTransaction", stop(number, minutes=6, meter_stop=5_004_000))
        assert session(number).energy_wh is None
        assert "not_known" in notes(number)


@pytest.mark.field(21)
async def test_no_answer_undoes_stop(depot: Depot) -> None:
    """The card is blocked and unknown to its session; the session has ended all the same."""
    card = depot.card()
    blocked = depot.card(CardStatus.BLOCKED)
    async with depot.charger() as charger:
        number = await begun(charger, card.id_tag)
        answer = await charger.call("StopTransaction", stop(number, idTag=blocked.id_tag))
        assert answer == {"idTagInfo": {"status": "Blocked"}}
        assert (session(number).state, session(number).account_id) == ("completed", card.account_id)


@pytest.mark.field(22)
async def test_readings_after_end(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("StopTransaction", stop(number))
        await charger.call("MeterValues", meter(number, value(61, 99_000), value(30, 4000)))
        assert (session(number).state, session(number).energy_wh) == ("completed", 8000)
        final = [reading for reading in readings(number) if reading.is_final]
        assert len(readings(number)) == 3
        assert [reading.energy_wh for reading in final] == [max(r.energy_wh for r in readings(number))]


@pytest.mark.field(23)
async def test_boot_in_session_waits_for_end(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.boot()
        assert (session(number).state, session(number).is_awaiting_end) == ("active", True)
        await charger.call("StopTransaction", stop(number, reason="PowerLoss"))
        found = session(number)
        assert (found.state, found.stop_reason, found.is_awaiting_end) == ("completed", "PowerLoss", False)


@pytest.mark.field(24)
async def test_readings_not_stored_twice(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("MeterValues", meter(number, value(10, 3000)))
        data = [value(0, {"value": "1000", "context": "Transaction.Begin"}), value(10, 3000), value(20, 5000)]
        await charger.call("StopTransaction", stop(number, transactionData=data))
        assert [reading.register_wh for reading in readings(number)] == [1000, 3000, 5000, 9000]
        assert session(number).energy_wh == 8000


@pytest.mark.field(24)
async def test_readings_in_end_alone(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        data = [value(10, 3000), value(59, 8500)]
        end = stop(number, meter_stop=None, transactionData=data)
        await charger.call("StopTransaction", end)
        assert (session(number).state, session(number).energy_wh) == ("completed", 7500)
        assert "final_missing" in notes(number)
        assert len(sessions(charger.identity)) == 1


def _iso(minutes: float) -> str:
    assert BEGAN.tzinfo is not None
    return at(minutes).replace("Z", "+00:00")
