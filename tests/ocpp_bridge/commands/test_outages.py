"""Commands while processes end, Redis is away, or two bridges run: nothing is lost, nothing is sent twice or late."""

from __future__ import annotations

import asyncio
import itertools
import signal
from types import SimpleNamespace
from typing import cast

import pytest
import redis

from ocpp_bridge import tasks
from ocpp_bridge.commands.sender import CommandSender
from ocpp_bridge.commands.subscriber import KEPT_CHANNEL, CommandSubscriber
from ocpp_bridge.connection.connection import Connection
from polaris.domain.commands import catalog as kinds
from polaris.domain.enums import CommandState
from polaris.models import Command
from simulator.command_responses import OnCommand
from tests.support.commanding import commanded_charger, done_with, once_out_of
from tests.support.depot import Depot, command_runs_out, now, session, sessions, until
from tests.support.ports import free_port
from tests.support.processes import Processes
from tests.support.stopping import stop_between_writes
from tests.support.valkey import Valkey

KILLS = 25
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.mark.both_databases
async def test_killed_bridge_leaves_unknown(own_depot: Depot, processes: Processes) -> None:
    """Read as that without any process alive; and the next bridge writes it down, and does not ask again."""
    bridge = processes.bridge()
    async with commanded_charger(own_depot) as charger:
        charger.on_command["Reset"] = OnCommand.LATE
        made = own_depot.command(charger.identity, kinds.Reset())
        await once_out_of(own_depot, made, "requested")
        bridge.kill()
        assert own_depot.commanded(made).state == CommandState.SENT
        command_runs_out(made)
        assert own_depot.commanded(made).state == CommandState.UNKNOWN
        assert Command.get_by_id(made).state == "sent"
        bridge.start()
        await until(lambda: Command.get_by_id(made).state == "unknown")
        await charger.connection.connected.wait()
        await charger.answer_late()  # to nobody
        await charger.heartbeat()
        assert own_depot.commanded(made).state == CommandState.UNKNOWN
        assert len(charger.commands) == 1


async def test_subscription_without_chargers(own_depot: Depot, processes: Processes, valkey: Valkey) -> None:
    """It keeps a channel: a SUBSCRIBE of one without any reads at the same time as the listener, which ends both."""
    with redis.Redis.from_url(valkey.url) as client:

        def kept() -> int:
            return int(client.pubsub_numsub(KEPT_CHANNEL)[0][1])

        before = kept()
        processes.bridge()
        await until(lambda: kept() == before + 1)
        async with commanded_charger(own_depot):
            assert kept() == before + 1
        assert kept() == before + 1


async def test_subscription_outlives_kills(valkey: Valkey, redis_url: str) -> None:
    """A kill while channels change fails the listener and the change at once; neither may end the subscription."""
    no_sender = cast(CommandSender, None)  # no command is sent
    subscriber = CommandSubscriber(redis_url, no_sender, on_admission_changed=list)
    connections = [_connection(f"depot-{number}") for number in range(50)]

    async def change_channels() -> None:
        for number in itertools.count():
            take = subscriber.detach if number // len(connections) % 2 else subscriber.attach
            take(connections[number % len(connections)])
            await asyncio.sleep(0.001)

    with redis.Redis.from_url(redis_url) as client:
        running = [asyncio.create_task(work) for work in (subscriber.run(), change_channels())]
        try:
            for _ in range(KILLS):
                await until(lambda: running[0].done() or client.pubsub_numsub(KEPT_CHANNEL)[0][1])
                await asyncio.to_thread(valkey.kill)
                await asyncio.to_thread(valkey.start)
            assert not running[0].done()
        finally:
            await tasks.end(running)
            await subscriber.close()


async def test_unclaimed_command_expires(own_depot: Depot, processes: Processes) -> None:
    """A bridge that is stopped (SIGSTOP) is subscribed, and takes nothing."""
    bridge = processes.bridge()
    async with commanded_charger(own_depot) as charger:
        stop_between_writes([bridge.pid])
        made = own_depot.command(charger.identity, kinds.SetConfiguration("WifiPassword", "a-secret"))
        command_runs_out(made)
        done = own_depot.commanded(made)
        bridge.signal(signal.SIGCONT)
        assert (done.state, done.sent_at) == (CommandState.TIMED_OUT, None)
        await until(lambda: Command.get_by_id(made).state == "timed_out")
        await charger.heartbeat()
        assert not charger.commands  # a stale command never fires
        assert "a-secret" not in Command.get_by_id(made).arguments


async def test_without_redis_error_at_once(own_depot: Depot, processes: Processes, valkey: Valkey) -> None:
    processes.bridge()
    async with commanded_charger(own_depot) as charger:
        valkey.stop()
        done = own_depot.commanded(own_depot.command(charger.identity, kinds.Reset()))
        assert (done.state, done.sentence) == (
            CommandState.ERROR,
            "It could not be sent: Redis does not answer.",
        )
        assert not charger.commands


@pytest.mark.field(65)
@on_postgresql
async def test_sent_once_by_newest_of_two_bridges(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    other = processes.bridge(OCPP_PORT=str(free_port()), OCPP_HEALTH_PORT=str(free_port()))
    elsewhere = Depot(own_depot.config, other.url)
    async with (
        commanded_charger(own_depot, reconnects=False) as old,
        commanded_charger(elsewhere, identity=old.identity) as new,
    ):
        await old.boot()
        await new.boot()
        await until(lambda: own_depot.listeners(new.identity) == 2)
        for number in range(5):  # both bridges are told of each
            made = own_depot.command(new.identity, kinds.ClearCache())
            assert (await done_with(own_depot, made)).state == CommandState.ACCEPTED
            assert len(new.commands) == number + 1
        assert not old.commands
    elsewhere.check_frames()


@pytest.mark.field(86)
async def test_silent_v2_charger_asked_for_status(own_depot: Depot, processes: Processes) -> None:
    processes.bridge(STALE_AFTER_S="2")
    async with commanded_charger(own_depot, "ocpp2.0.1") as charger:
        charger.accepts_triggers = False
        started = await charger.start_transaction(own_depot.card().id_tag)
        number = sessions(charger.identity)[0].number
        charger.transactions.clear()  # it gave up the end of it
        await until(lambda: len(charger.commands) == 2)
        assert ("GetTransactionStatus", {"transactionId": started.id}) in charger.commands
        stuck = await until(lambda: own_depot.ingest(lambda ingest: ingest.stuck(now())))
        assert (stuck[0].number, stuck[0].evidence[0]) == (
            number,
            "The charger says that it is over, and that no message of it is left to be sent.",
        )
        asked = own_depot.ingest(lambda ingest: ingest.latest_commands(charger.identity, now()))
        assert [(one.kind, one.requested_by) for one in asked] == [("transaction-status", "Polaris")]
        assert session(number).state == "active"  # a person closes it


def _connection(identity: str) -> Connection:
    """Return what the subscriber reads of a connection."""
    return cast(Connection, SimpleNamespace(id=identity, charger=SimpleNamespace(identity=identity)))
