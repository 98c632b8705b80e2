"""A 2.x session whose events name the start command and no card: it belongs to the card that was sent with it (E03)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from polaris.domain.commands import catalog as kinds
from polaris.models import ChargingSession, Command
from polaris.web.sessions import queries as session_queries
from simulator.charger_v2 import event, token, value
from tests.support.commanding import commanded_charger, once_out_of
from tests.support.depot import Depot, command_runs_out, now, sessions

pytestmark = [pytest.mark.both_databases, pytest.mark.field(131)]

VERSIONS = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
EVSE = {"id": 1, "connectorId": 1}


async def _asked(depot: Depot, charger: Any, id_tag: str) -> int:
    made = depot.command(charger.identity, kinds.StartCharging(id_tag))
    await once_out_of(depot, made, "requested", "sent")
    return made


def _only(charger: Any) -> ChargingSession:
    (found,) = sessions(charger.identity)
    return found


def _history(made: int, named_in: str) -> list[dict[str, Any]]:
    """A transaction of which one event names the command."""
    info = {"remoteStartId": made}
    kinds_ = (("Started", "CablePluggedIn"), ("Updated", "RemoteStart"), ("Ended", "StopAuthorized"))
    return [
        event("t", seq_no, kind, trigger, info if kind == named_in else {}, evse=EVSE, meterValue=[value(seq_no * 100)])
        for seq_no, (kind, trigger) in enumerate(kinds_)
    ]


@VERSIONS
@pytest.mark.parametrize("named_in", ["Started", "Updated", "Ended"])
async def test_session_is_of_card_sent(depot: Depot, version: str, named_in: str) -> None:
    for order in itertools.permutations(range(3)):
        card = depot.card()
        async with commanded_charger(depot, version, starts=False) as charger:
            history = _history(await _asked(depot, charger, card.id_tag.lower()), named_in)
            for index in order:
                assert await charger.call("TransactionEvent", history[index]) == {}
            found = _only(charger)
            assert (found.id_tag, found.account_id) == (card.id_tag, card.account_id), order
            assert (found.state, found.authorization) == ("completed", "Accepted")
            (own,) = session_queries.session_list(card.account_id, now())
            assert own.number == found.number


async def test_command_swept_and_charger_back(depot: Depot) -> None:
    card = depot.card()
    async with commanded_charger(depot, "ocpp2.0.1", starts=False) as charger:
        made, identity = await _asked(depot, charger, card.id_tag), charger.identity
    command_runs_out(made)
    depot.ingest(lambda ingest: ingest.sweep(now()))
    assert Command.get_by_id(made).state == "timed_out"
    async with depot.charger_v2(identity) as charger:
        started = event("t", 0, "Started", "RemoteStart", {"remoteStartId": made}, offline=True)
        await charger.call("TransactionEvent", started)
        assert _only(charger).account_id == card.account_id


async def test_typed_token_sent(depot: Depot) -> None:
    card = depot.card()
    card.id_tag = f"KEYCODE:{card.id_tag}"
    card.save()
    async with commanded_charger(depot, "ocpp2.0.1", starts=False) as charger:
        made = await _asked(depot, charger, card.id_tag)
        await charger.call("TransactionEvent", event("t", 0, "Started", "RemoteStart", {"remoteStartId": made}))
        assert _only(charger).account_id == card.account_id


async def test_own_card_of_event_counts(depot: Depot) -> None:
    sent, shown = depot.card(), depot.card()
    async with commanded_charger(depot, "ocpp2.0.1", starts=False) as charger:
        made = await _asked(depot, charger, sent.id_tag)
        info = {"remoteStartId": made}
        started = event("t", 0, "Started", "RemoteStart", info, idToken=token(shown.id_tag))
        assert await charger.call("TransactionEvent", started) == {"idTokenInfo": {"status": "Accepted"}}
        assert _only(charger).account_id == shown.account_id


async def test_ending_card_answered_not_owner(depot: Depot) -> None:
    sent, ending = depot.card(), depot.card()
    async with commanded_charger(depot, "ocpp2.0.1", starts=False) as charger:
        made = await _asked(depot, charger, sent.id_tag)
        end = event("t", 4, "Ended", "StopAuthorized", {"remoteStartId": made}, idToken=token(ending.id_tag))
        assert await charger.call("TransactionEvent", end) == {"idTokenInfo": {"status": "Accepted"}}
        assert _only(charger).account_id == sent.account_id


async def test_command_of_another_is_nobodys(depot: Depot) -> None:
    card = depot.card()
    async with (
        commanded_charger(depot, "ocpp2.0.1", starts=False) as charger,
        depot.charger_v2() as other,
    ):
        made = await _asked(depot, charger, card.id_tag)
        named = event("t", 0, "Started", "RemoteStart", {"remoteStartId": made})
        await other.call("TransactionEvent", named)
        assert _only(other).account_id is None
        for transaction_id in ("t", "second"):  # one command starts one transaction
            info = {"transactionId": transaction_id, "remoteStartId": made}
            await charger.call("TransactionEvent", named | {"transactionInfo": info})
        assert [found.account_id for found in sessions(charger.identity)] == [card.account_id, None]
