"""A stop that was asked for here reads as one on the session's page, whatever the charger calls it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from polaris.domain.enums import Role
from polaris.domain.stop_request import StoppedBy
from polaris.models import Account
from polaris.web.sessions import queries as session_queries
from simulator.charger import OnRemoteStop
from simulator.charger_v2 import event
from tests.support.commanding import commanded_charger
from tests.support.depot import Depot, now, session, sessions, stop_state, until

pytestmark = [pytest.mark.both_databases, pytest.mark.field(132)]

VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])


async def _end(charger: Any, number: int, trigger: str, reason: str | None) -> None:
    """End the session, as a charger that gives this reason, or none, and this trigger (OCPP 2.x)."""
    given = {} if reason is None else {"reason": reason}
    transaction_id = session(number).transaction_id
    if transaction_id is None:
        payload = {"transactionId": number, "meterStop": 2000, "timestamp": now().isoformat()} | given
        await charger.call("StopTransaction", payload)
        return
    info = {} if reason is None else {"stoppedReason": reason}
    await charger.call("TransactionEvent", event(transaction_id, 99, "Ended", trigger, info))


def _page(number: int) -> session_queries.SessionView:
    page = session_queries.session_view(number, now(), timedelta(minutes=5))
    assert page is not None
    return page


@VERSIONS
@pytest.mark.parametrize(
    ("trigger", "reason", "is_asked"),
    [
        ("RemoteStop", "Remote", True),
        ("StopAuthorized", "Local", True),
        ("EVDeparted", None, True),
        ("RemoteStop", None, True),
        ("RemoteStop", "", True),
        ("EVDeparted", "EVDisconnected", False),
        ("AbnormalCondition", "EmergencyStop", False),
    ],
)
async def test_stop_asked_here_reads_so(
    depot: Depot, version: str, trigger: str, reason: str | None, is_asked: bool
) -> None:
    async with commanded_charger(depot, version) as charger:
        charger.on_remote_stop = OnRemoteStop.ACCEPT_SILENT
        await charger.start_transaction(depot.card().id_tag)
        number = sessions(charger.identity)[-1].number
        depot.request_stop(session(number))
        await until(lambda: stop_state(number) == "accepted")
        await _end(charger, number, trigger, reason)
        assert _page(number).stopped_by == (StoppedBy.DRIVER if is_asked else None)


async def test_operators_stop_reads_so(depot: Depot) -> None:
    operator = depot.card().account
    Account.update(role=Role.OPERATOR).where(Account.id == operator.id).execute()
    async with commanded_charger(depot) as charger:
        await charger.start_transaction(depot.card().id_tag)
        number = sessions(charger.identity)[-1].number
        assert depot.ingest(lambda ingest: ingest.request_stop(number, operator.id, now())) is None
        await until(lambda: stop_state(number) == "completed")
        assert _page(number).stopped_by is StoppedBy.OPERATOR


@VERSIONS
async def test_refused_stop_did_not_end_it(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        charger.on_remote_stop = OnRemoteStop.REJECT
        await charger.start_transaction(depot.card().id_tag)
        number = sessions(charger.identity)[-1].number
        depot.request_stop(session(number))
        await until(lambda: stop_state(number) == "rejected")
        await _end(charger, number, "StopAuthorized", "Local")
        assert (_page(number).stopped_by, _page(number).stop_reason) == (None, "Local")


@pytest.mark.parametrize(
    ("trigger", "kept"),
    [
        ("RemoteStop", "RemoteStop"),
        ("EnergyLimitReached", "EnergyLimitReached"),
        ("EVDeparted", "Local"),
        ("X", "Local"),
    ],
)
async def test_trigger_tells_without_reason(depot: Depot, trigger: str, kept: str) -> None:
    async with depot.charger_v2() as charger:
        await charger.start_transaction(depot.card().id_tag)
        await _end(charger, sessions(charger.identity)[-1].number, trigger, None)
        assert sessions(charger.identity)[-1].stop_reason == kept
