"""Garbage on the bridge's Redis channels: whoever can write to Redis must not end the bridge."""

from __future__ import annotations

import redis

from polaris.domain.commands.catalog import Unlock
from polaris.domain.enums import CommandState
from polaris.pubsub import commands_channel
from tests.support.commanding import commanded_charger, done_with
from tests.support.depot import Depot
from tests.support.garbage import GARBAGE
from tests.support.processes import Processes

MAX_LINES = 15  # in the log, for some hundred messages


async def test_garbage_on_command_channel_ignored(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    async with commanded_charger(own_depot) as charger:
        for channel in (commands_channel(charger.identity), commands_channel("")):
            with redis.Redis.from_url(own_depot.config.redis_url) as client:
                assert all(client.publish(channel, message) for message in GARBAGE)
        command = own_depot.command(charger.identity, Unlock(1))
        assert (await done_with(own_depot, command)).state == CommandState.ACCEPTED
        await charger.heartbeat()
    log = bridge.log_text()
    assert "a command could not be read" in log
    assert "Traceback" not in log
    assert log.count("could not be read") + log.count("too many commands") <= MAX_LINES
