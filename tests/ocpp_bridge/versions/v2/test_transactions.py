"""Transactions of OCPP 2.x: sessions as those of 1.6 are, whatever order they are told in."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from polaris.domain.data_quality import Note
from polaris.domain.enums import AccountStatus, CardStatus
from polaris.models import ChargingSession, TransactionEvent
from polaris.web.sessions import queries as session_queries
from simulator.charger_v2 import ChargerV2, event, token, value
from tests.support.depot import Depot, now, readings, row, session, sessions, unprocessable_facts

pytestmark = pytest.mark.both_databases

VERSIONS = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])


AN_HOUR_AGO = now().replace(microsecond=0) - timedelta(hours=1)


def _at(seconds: float) -> str:
    return (AN_HOUR_AGO + timedelta(seconds=seconds)).isoformat()


def _history(id_tag: str, transaction_id: str = "tx-1") -> list[dict[str, Any]]:
    """A whole session: 2,000 Wh in ten minutes, with a pause."""
    started, updated, paused, ended = _at(0), _at(300), _at(400), _at(600)
    evse = {"id": 2, "connectorId": 1}
    meters = [
        value(1000, context="Transaction.Begin", at=started),
        value(2000, 11_000, 40, at=updated),
        value(2500, 0, 45, at=paused),
        value(3000, context="Transaction.End", at=ended),
    ]
    events = [
        event(transaction_id, 0, "Started", "Authorized", evse=evse, idToken=token(id_tag)),
        event(transaction_id, 1, "Updated", "MeterValuePeriodic", {"chargingState": "Charging"}),
        event(transaction_id, 2, "Updated", "ChargingStateChanged", {"chargingState": "SuspendedEV"}),
        event(transaction_id, 3, "Ended", "EVDeparted", {"stoppedReason": "EVDisconnected"}),
    ]
    times = (started, updated, paused, ended)
    return [e | {"timestamp": t, "meterValue": [m]} for e, t, m in zip(events, times, meters, strict=True)]


def _totals(found: ChargingSession) -> tuple[object, ...]:
    return (
        found.state,
        found.connector,
        found.id_tag,
        found.account_id,
        found.started_at,
        found.ended_at,
        found.meter_start_wh,
        found.energy_wh,
        found.power_w,
        found.soc_percent,
        found.stop_reason,
        found.is_start_inferred,
        [(r.sampled_at, r.register_wh, r.energy_wh, r.is_final) for r in readings(found.number)],
    )


def _events(charger: ChargerV2) -> list[TransactionEvent]:
    query = TransactionEvent.select().where(TransactionEvent.charger == row(charger.identity))
    return list(query.order_by(TransactionEvent.id))


def _notes(number: int) -> tuple[Note, ...]:
    """The notes on a session's page."""
    page = session_queries.session_view(number, now(), timedelta(minutes=5))
    assert page is not None
    return page.notes


def _only(charger: ChargerV2) -> ChargingSession:
    (found,) = sessions(charger.identity)
    return found


@VERSIONS
async def test_session_stored_before_each_answer(depot: Depot, version: str) -> None:
    card = depot.card()
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        assert (await charger.boot())["status"] == "Accepted"
        transaction = await charger.start_transaction(card.id_tag, meter_start_wh=1000, connector=2)
        assert transaction.status == "Accepted"
        found = _only(charger)
        assert (found.transaction_id, found.account_id, found.connector) == (transaction.id, card.account_id, 2)
        assert await charger.meter_values(transaction, 1500, power_w=22_000, soc_percent=40) == {}
        metered = session(found.number)
        assert (metered.energy_wh, metered.power_w, metered.soc_percent) == (500, 22_000, 40)
        await charger.stop_transaction(transaction, meter_stop_wh=3000)
        ended = session(found.number)
        assert (ended.state, ended.energy_wh, ended.stop_reason) == ("completed", 2000, "Local")
        assert readings(found.number)[-1].is_final
        assert row(charger.identity).protocol == version


@pytest.mark.field(79)
async def test_events_in_any_order_same_session(depot: Depot) -> None:
    card = depot.card()
    history = _history(card.id_tag)
    seen = []
    async with depot.charger_v2() as in_turn:
        for one in history:
            await in_turn.call("TransactionEvent", one)
        expected = _totals(_only(in_turn))
    assert expected[0] == "completed"
    assert expected[7] == 2000
    for order in itertools.permutations(history):
        async with depot.charger_v2() as charger:
            for one in (*order, order[0]):
                await charger.call("TransactionEvent", one)
            seen.append(_totals(_only(charger)))
            assert len(_events(charger)) == 4
    assert all(totals == expected for totals in seen), next(t for t in seen if t != expected)


@pytest.mark.field(79)
@pytest.mark.parametrize("numbers", [(0, 4, 9, 100), (17, 18, 19, 20), (5, 6, 2**31 - 2, 2**31 - 1)])
async def test_seq_no_gaps_stored(depot: Depot, numbers: tuple[int, ...]) -> None:
    async with depot.charger_v2() as charger:
        for seq_no, one in zip(numbers, _history(depot.card().id_tag), strict=True):
            await charger.call("TransactionEvent", one | {"seqNo": seq_no})
        assert [e.seq_no for e in _events(charger)] == list(numbers)
        assert _only(charger).energy_wh == 2000


@pytest.mark.field(79)
async def test_repeat_same_answer(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger_v2() as charger:
        history = _history(card.id_tag)
        first = await charger.call("TransactionEvent", history[0])
        await charger.call("TransactionEvent", history[1])
        before = _only(charger)
        card.status = CardStatus.BLOCKED
        card.save()
        assert await charger.call("TransactionEvent", history[0]) == first == {"idTokenInfo": {"status": "Accepted"}}
        assert await charger.call("TransactionEvent", history[1]) == {}
        assert _only(charger).revision == before.revision
        assert len(_events(charger)) == 2


@pytest.mark.field(79)
@pytest.mark.parametrize("seq_no", [0, None, "x", -1, {}])
async def test_shared_or_missing_seq_no_stored(depot: Depot, seq_no: object) -> None:
    async with depot.charger_v2() as charger:
        for one in _history(depot.card().id_tag):
            await charger.call("TransactionEvent", one | {"seqNo": seq_no})
        found = _only(charger)
        assert (found.state, found.energy_wh, len(_events(charger))) == ("completed", 2000, 4)


@pytest.mark.field(80)
async def test_end_without_start_flagged(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger_v2() as charger:
        begin = value(1000, context="Transaction.Begin", at=_at(0))
        end = _history(card.id_tag)[-1]
        await charger.call(
            "TransactionEvent", end | {"meterValue": [begin, *end["meterValue"]], "idToken": token(card.id_tag)}
        )
        found = _only(charger)
        assert (found.state, found.energy_wh, found.is_start_inferred) == ("completed", 2000, True)
        assert found.account_id == card.account_id
        assert found.ended_at - found.started_at == timedelta(seconds=600)
        assert Note.START_NEVER_CAME in _notes(found.number)


@pytest.mark.field(80)
async def test_late_start_clears_note(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        history = _history(depot.card().id_tag)
        for one in history[1:]:
            await charger.call("TransactionEvent", one)
        assert Note.START_NEVER_CAME in _notes(_only(charger).number)
        await charger.call("TransactionEvent", history[0])
        assert Note.START_NEVER_CAME not in _notes(_only(charger).number)


@pytest.mark.field(81)
async def test_update_after_end_never_reopens(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        for one in _history(depot.card().id_tag):
            await charger.call("TransactionEvent", one)
        late = event("tx-1", 4, "Updated", "MeterValuePeriodic", {"chargingState": "Charging"})
        await charger.call("TransactionEvent", late | {"meterValue": [value(2600, at=_at(450))]})
        found = _only(charger)
        assert (found.state, found.energy_wh, found.connector_status) == ("completed", 2000, "SuspendedEV")
        assert [r.energy_wh for r in readings(found.number)] == [0, 1000, 1500, 1600, 2000]
        assert [r.is_final for r in readings(found.number)] == [False] * 4 + [True]


@pytest.mark.field(79)
async def test_reading_updates_kept_once(depot: Depot) -> None:
    """The many that are stored together end as those that are stored one by one."""
    async with depot.charger_v2() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=1000)
        for register_wh in range(1100, 1501, 100):
            await charger.meter_values(transaction, register_wh, power_w=register_wh)
        before = _only(charger)
        assert (before.energy_wh, before.power_w) == (500, 1500)
        payload = json.loads(_events(charger)[3].payload)
        assert await charger.call("TransactionEvent", payload) == {}
        assert _only(charger).revision == before.revision
        assert [e.seq_no for e in _events(charger)] == list(range(6))


async def test_queued_events_after_offline(depot: Depot) -> None:
    """Retried until it is answered (E13), in its order, and counted once."""
    async with depot.charger_v2() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=1000)
        charger.connection.drop()
        waiting = [asyncio.ensure_future(charger.meter_values(transaction, wh)) for wh in (1500, 2000)]
        waiting.append(asyncio.ensure_future(charger.stop_transaction(transaction, meter_stop_wh=2500)))
        assert await asyncio.gather(*waiting) == [{}, {}, {}]
        assert (_only(charger).state, _only(charger).energy_wh) == ("completed", 1500)
        assert [e.seq_no for e in _events(charger)] == [0, 1, 2, 3]


@pytest.mark.field(82)
async def test_offline_events_marked(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        history = _history(depot.card().id_tag)
        await charger.call("TransactionEvent", history[0])
        await charger.call("TransactionEvent", history[1] | {"offline": True})
        found = _only(charger)
        assert (found.energy_wh, found.power_w) == (1000, None)
        assert [r.power_w for r in readings(found.number)] == [None, 11_000]
        assert [e.is_offline for e in _events(charger)] == [False, True]


@pytest.mark.field(82)
async def test_offline_events_noted_once(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=1000)
        number, revision = _only(charger).number, _only(charger).revision
        assert _notes(number) == ()
        await charger.send_event(transaction, "Updated", "ChargingStateChanged", {}, offline=True)
        assert _notes(number) == (Note.REPLAYED_OFFLINE,)
        assert _only(charger).revision == revision + 1
        await charger.send_event(transaction, "Updated", "ChargingStateChanged", {}, offline=True)
        assert _only(charger).revision == revision + 1


@pytest.mark.field(83)
async def test_transaction_ids_per_charger(depot: Depot) -> None:
    async with depot.charger_v2() as one, depot.charger_v2() as other:
        for transaction_id in ("1", "x" * 36, "ü/<b>", "9" * 36, "y" * 300):
            for charger in (one, other):
                await charger.call("TransactionEvent", event(transaction_id, 0, "Started", "CablePluggedIn"))
                assert sessions(charger.identity)[-1].transaction_id == transaction_id[:255]
        numbers = {s.number for s in (*sessions(one.identity), *sessions(other.identity))}
        assert len(numbers) == 10


@pytest.mark.field(83)
@pytest.mark.parametrize("info", [{}, None, "x", {"transactionId": ""}, {"transactionId": None}])
async def test_event_without_transaction_kept(depot: Depot, info: object) -> None:
    async with depot.charger_v2() as charger:
        payload = event("x", 0, "Ended", "EVDeparted") | {"transactionInfo": info}
        assert await charger.call("TransactionEvent", payload) == {}
        assert json.loads(unprocessable_facts(charger.identity)[-1].payload) == payload


@pytest.mark.field(84)
@pytest.mark.parametrize(
    ("reason", "kept"), [(None, "Local"), ("", ""), ("Coffee", "Coffee"), ("TimeLimitReached",) * 2]
)
async def test_any_reason_or_none(depot: Depot, reason: str | None, kept: str) -> None:
    async with depot.charger_v2() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        await charger.send_event(
            transaction, "Ended", "EVDeparted", {"stoppedReason": reason} if reason is not None else {}
        )
        assert (_only(charger).state, _only(charger).stop_reason) == ("completed", kept)


@pytest.mark.field(85)
@pytest.mark.parametrize("card_is_first", [True, False])
async def test_card_and_cable_in_any_order(depot: Depot, card_is_first: bool) -> None:
    card = depot.card()
    async with depot.charger_v2() as charger:
        parts = [{"idToken": token(card.id_tag)}, {"evse": {"id": 3, "connectorId": 1}}]
        first, second = parts if card_is_first else parts[::-1]
        await charger.call("TransactionEvent", event("t", 0, "Started", "Authorized") | first)
        answer = await charger.call("TransactionEvent", event("t", 1, "Updated", "CablePluggedIn") | second)
        assert answer == ({} if card_is_first else {"idTokenInfo": {"status": "Accepted"}})
        meter = {"meterValue": [value(7000)]}
        await charger.call("TransactionEvent", event("t", 2, "Updated", "MeterValuePeriodic") | meter)
        meter = {"meterValue": [value(7400)]}
        await charger.call("TransactionEvent", event("t", 3, "Updated", "MeterValuePeriodic") | meter)
        found = _only(charger)
        assert (found.connector, found.account_id, found.energy_wh) == (3, card.account_id, 400)


async def test_ending_card_does_not_own(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger_v2() as charger:
        await charger.call("TransactionEvent", event("t", 0, "Started", "CablePluggedIn"))
        answer = await charger.call(
            "TransactionEvent", event("t", 1, "Ended", "EVDeparted", idToken=token(card.id_tag))
        )
        assert answer == {"idTokenInfo": {"status": "Accepted"}}
        assert _only(charger).account_id is None


@pytest.mark.field(42)
@VERSIONS
@pytest.mark.parametrize(
    ("id_token", "said"),
    [
        ({"idToken": "NOBODY-KNOWS-IT", "type": "Central"}, "Invalid"),
        ({"idToken": "x" * 256, "type": "eMAID"}, "Invalid"),
        ({"idToken": "", "type": "ISO14443"}, "Invalid"),
        ({}, "Invalid"),
        ({"idToken": "", "type": "NoAuthorization"}, "Accepted"),
    ],
)
async def test_unknown_tokens_invalid_with_session(
    depot: Depot, version: str, id_token: dict[str, str], said: str
) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        answer = await charger.call("TransactionEvent", event("t", 0, "Started", "Authorized", idToken=id_token))
        assert answer == {"idTokenInfo": {"status": said}}
        assert _only(charger).account_id is None


@pytest.mark.field(41)
async def test_tokens_by_type_ignoring_case(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger_v2() as charger:
        for type_, said in [
            ("ISO15693", "Accepted"),
            ("Central", "Accepted"),
            ("KeyCode", "Invalid"),
            ("New", "Invalid"),
        ]:
            answer = await charger.call("Authorize", {"idToken": token(card.id_tag.lower(), type_)})
            assert answer == {"idTokenInfo": {"status": said}}
        card.id_tag = "KEYCODE:1234"
        card.save()
        assert (await charger.call("Authorize", {"idToken": token("1234", "KeyCode")}))["idTokenInfo"] == {
            "status": "Accepted"
        }
        assert await charger.authorize("1234") == "Invalid"


@pytest.mark.field(44)
@pytest.mark.parametrize(
    ("card_status", "account_status"),
    [(CardStatus.BLOCKED, AccountStatus.ACTIVE), (CardStatus.ACTIVE, AccountStatus.SUSPENDED)],
)
async def test_refused_card_deauthorized_end(
    depot: Depot, card_status: CardStatus, account_status: AccountStatus
) -> None:
    card = depot.card(card_status, account_status)
    async with depot.charger_v2() as charger:
        assert await charger.authorize(card.id_tag) == "Blocked"
        transaction = await charger.start_transaction(card.id_tag)
        assert transaction.status == "Blocked"
        await charger.send_event(transaction, "Updated", "Deauthorized", {"chargingState": "SuspendedEVSE"})
        assert _only(charger).connector_status == "SuspendedEVSE"
        await charger.send_event(transaction, "Ended", "Deauthorized", {"stoppedReason": "DeAuthorized"})
        assert (_only(charger).state, _only(charger).stop_reason) == ("completed", "DeAuthorized")


@pytest.mark.field(42)
async def test_card_charging_elsewhere_concurrent(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as one, depot.charger_v2() as other:
        assert (await one.start_transaction(card.id_tag)).status == "Accepted"
        assert (await other.start_transaction(card.id_tag)).status == "ConcurrentTx"


@pytest.mark.field(78)
async def test_charging_state_from_transaction(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        for state in ("EVConnected", "Charging", "SuspendedEV", "SuspendedEVSE", "Idle"):
            await charger.state(transaction, state)
            assert await charger.status(1, "Occupied") == {}
            assert _only(charger).connector_status == state
        await charger.status(1, "Available")
        assert (_only(charger).connector_status, _only(charger).is_awaiting_end) == ("Available", True)
        await charger.state(transaction, "Charging")
        assert (_only(charger).connector_status, _only(charger).is_awaiting_end) == ("Charging", False)


@pytest.mark.field(14)
async def test_new_transaction_closes_open_one(
    depot: Depot,
) -> None:
    one, two = depot.card(), depot.card()
    async with depot.charger_v2() as charger:
        old, new = _history(one.id_tag, "old"), _history(two.id_tag, "new")
        for past in old:
            past["timestamp"] = _at(-3600)
        await charger.call("TransactionEvent", new[0])
        await charger.call("TransactionEvent", old[0])
        states = {s.transaction_id: s.state for s in sessions(charger.identity)}
        assert states == {"new": "active", "old": "active"}
        newest = event("newest", 0, "Started", "Authorized", evse=new[0]["evse"], idToken=token(one.id_tag))
        await charger.call("TransactionEvent", newest)
        states = {s.transaction_id: s.state for s in sessions(charger.identity)}
        assert states == {"new": "estimated", "old": "estimated", "newest": "active"}
        for late in (*new[1:], *old[1:]):
            await charger.call("TransactionEvent", late)
        states = {s.transaction_id: (s.state, s.energy_wh) for s in sessions(charger.identity)}
        assert states == {"new": ("completed", 2000), "old": ("completed", 2000), "newest": ("active", 0)}


@pytest.mark.field(28, 34)
async def test_multipliers_and_non_values(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        for sampled, energy_wh in [
            ({"value": 100}, 100),
            ({"value": 0.25, "unitOfMeasure": {"unit": "kWh"}}, 250),
            ({"value": 30, "unitOfMeasure": {"unit": "Wh", "multiplier": 1}}, 300),
            ({"value": "4", "unitOfMeasure": {"multiplier": 2}}, 400),
            ({"value": 4500, "unitOfMeasure": {"unit": "kWh", "multiplier": -4}}, 450),
        ]:
            meter = {"timestamp": _soon(energy_wh / 10), "sampledValue": [sampled]}
            await charger.send_event(transaction, "Updated", "MeterValuePeriodic", meterValue=[meter])
            assert _only(charger).energy_wh == energy_wh
        for broken in ("NaN", "", "1,5", None, [], {}, True, "9" * 60, "1e999999999"):
            meter = {"timestamp": _soon(50), "sampledValue": [{"value": broken}, {"value": 7, "measurand": "SoC"}]}
            assert await charger.send_event(transaction, "Updated", "MeterValuePeriodic", meterValue=[meter]) == {}
        assert (_only(charger).energy_wh, _only(charger).soc_percent) == (450, 7)


@pytest.mark.field(32)
@VERSIONS
async def test_signed_values_kept_plain_counts(depot: Depot, version: str) -> None:
    signed = {
        "signedMeterData": "OCMF|" + "x" * 2400,
        "signingMethod": "ECDSA",
        "encodingMethod": "OCMF",
        "publicKey": "k",
    }
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        meter = {"timestamp": _soon(1), "sampledValue": [{"value": 700, "signedMeterValue": signed}]}
        await charger.send_event(transaction, "Updated", "MeterValuePeriodic", meterValue=[meter])
        found = _only(charger)
        assert found.energy_wh == 700
        assert [r.signed_data for r in readings(found.number) if r.register_wh == 700] == [signed["signedMeterData"]]
        assert signed["signedMeterData"] in _events(charger)[-1].payload


@pytest.mark.field(32)
@pytest.mark.parametrize("broken", [None, {}, [], "x", {"signedMeterData": None}, {"signedMeterData": ""}])
async def test_broken_signed_value_spares_the_plain_one(depot: Depot, broken: object) -> None:
    async with depot.charger_v2() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        meter = {"timestamp": _soon(1), "sampledValue": [{"value": 700, "signedMeterValue": broken}]}
        await charger.send_event(transaction, "Updated", "MeterValuePeriodic", meterValue=[meter])
        found = _only(charger)
        assert (found.energy_wh, {r.signed_data for r in readings(found.number)}) == (700, {""})


@pytest.mark.field(12)
@VERSIONS
@pytest.mark.parametrize("broken", [None, {}, [], True, "x", 1.5, 10**30, "\0"])
async def test_event_never_answered_with_error(depot: Depot, version: str, broken: object) -> None:
    fields = ("eventType", "timestamp", "triggerReason", "seqNo", "offline", "evse", "idToken", "meterValue")
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        await charger.call("TransactionEvent", {})
        for info in (broken, {"transactionId": "t", "chargingState": broken, "stoppedReason": broken}):
            await charger.call("TransactionEvent", dict.fromkeys(fields, broken) | {"transactionInfo": info})
        nested = {"evse": {"id": broken}, "idToken": {"idToken": broken}, "meterValue": [{"sampledValue": broken}]}
        await charger.call("TransactionEvent", event("t", 7, "Ended", "EVDeparted", offline=True) | nested)
        assert _only(charger).state == "completed"
        assert _events(charger)[-1].is_offline


@pytest.mark.field(25)
async def test_readings_without_transaction(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        await charger.start_transaction(depot.card().id_tag, connector=2)
        for evse_id in (0, 2):
            assert await charger.call("MeterValues", {"evseId": evse_id, "meterValue": [value(400 + evse_id)]}) == {}
        assert _only(charger).energy_wh == 402


def _soon(seconds: float) -> str:
    return (now() + timedelta(seconds=seconds)).isoformat()
