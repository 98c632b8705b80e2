"""Chargers whose admission changes while they are connected are let go at once, also if Redis says nothing."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from polaris.administration import charger_security
from polaris.domain.commands.catalog import ChangeKey
from polaris.domain.enums import CommandState, SessionState
from polaris.models import AuditEntry, Charger, UnrecognisedCharger
from tests.support.command_line import run_command
from tests.support.commanding import commanded_charger, done_with
from tests.support.depot import Depot, row, session, until
from tests.support.processes import Processes

CLOSED = 1008


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "arguments",
    [("block",), ("retire", "--yes"), ("disconnect",), ("profile", "2")],
    ids=lambda arguments: arguments[0],
)
async def test_let_go_at_once(depot: Depot, arguments: tuple[str, ...]) -> None:
    async with commanded_charger(depot, reconnects=False) as charger, commanded_charger(depot) as other:
        verb, *rest = arguments
        done = run_command(depot.config, "charger", verb, charger.identity, *rest)
        assert done.exit_code == 0, done.output
        assert verb != "disconnect" or "was online" in done.output
        await until(lambda: charger.connection.close_code == CLOSED)
        await other.heartbeat()
        assert other.connection.close_code is None
        entry = AuditEntry.select().where(AuditEntry.target == charger.identity).order_by(AuditEntry.id.desc()).get()
        assert entry.action.startswith("charger.")
        assert row(charger.identity).admission == 1


async def test_lost_notification_is_late_only(depot: Depot) -> None:
    async with commanded_charger(depot, reconnects=False) as charger:
        Charger.update(status="blocked", admission=Charger.admission + 1).where(
            Charger.identity == charger.identity
        ).execute()
        await until(lambda: charger.connection.close_code == CLOSED)


async def test_replaced_key_lets_old_connection_go(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    async with commanded_charger(own_depot, reconnects=False) as charger:
        with pytest.raises(InvalidStatus):
            await own_depot.charger(charger.identity, "the-key-that-it-has-now").connect()
        await until(lambda: UnrecognisedCharger.get_or_none(UnrecognisedCharger.identity == charger.identity))
        secrets = own_depot.config.charger_key_secrets
        own_depot.administer(charger_security.accept, secrets, charger.identity)
        await until(lambda: charger.connection.close_code == CLOSED)
        async with own_depot.charger(charger.identity, "the-key-that-it-has-now") as again:
            await again.heartbeat()


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])
async def test_key_set_over_the_wire_keeps_connection(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version, reconnects=False) as charger:
        made = depot.command(charger.identity, ChangeKey())
        assert (await done_with(depot, made)).state == CommandState.ACCEPTED
        assert row(charger.identity).admission == 0
        async with commanded_charger(depot, reconnects=False) as other:
            depot.administer(charger_security.disconnect, other.identity)
            await until(lambda: other.connection.close_code == CLOSED)  # so all have been rechecked
        await charger.heartbeat()


async def test_barred_charger_is_told(depot: Depot) -> None:
    identity = depot.identity()
    depot.administer(charger_security.block, identity)
    assert await _refusal(depot, identity) == (403, b"This charger is blocked. Its operator knows why.\n")
    assert (await _refusal(depot, identity, "a-wrong-key-of-it"))[0] == 401
    assert "already" in run_command(depot.config, "charger", "block", identity).output
    assert run_command(depot.config, "charger", "unblock", identity).exit_code == 0
    async with depot.charger(identity) as charger:
        await charger.heartbeat()


@pytest.mark.both_databases
async def test_retired_charger_keeps_history_alone(depot: Depot) -> None:
    async with commanded_charger(depot, reconnects=False) as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        await charger.meter_values(transaction, 700)
        said = run_command(depot.config, "charger", "retire", charger.identity, "--yes").output
        assert said.endswith(
            f"Charger {charger.identity} is retired. Session {transaction.id} was closed with its last reading.\n"
        )
        await until(lambda: charger.connection.close_code == CLOSED)
        closed = session(transaction.id)
        assert (closed.state, closed.energy_wh) == (SessionState.ESTIMATED, 700)
        assert (await _refusal(depot, charger.identity))[0] == 403
        entries = AuditEntry.select().where(AuditEntry.target.in_([charger.identity, f"session {transaction.id}"]))
        details = {entry.action: entry.detail for entry in entries}
        assert details.keys() == {"charger.retired", "session.closed"}
        assert details["charger.retired"] == "active to retired"
        assert details["session.closed"].endswith(", 700 Wh")


async def _refusal(depot: Depot, identity: str, *key: str) -> tuple[int, bytes]:
    with pytest.raises(InvalidStatus) as refusal:
        await depot.charger(identity, *key).connect()
    response = refusal.value.response
    return response.status_code, bytes(response.body)
