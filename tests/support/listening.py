"""Listens for a charger's commands as its bridge does, and does nothing about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from polaris import pubsub
from tests.support.wait import eventually


@contextmanager
def listening(redis_url: str, identity: str) -> Iterator[None]:
    """Receive a charger's commands for the time of the block."""
    client = redis.Redis.from_url(redis_url)
    subscription = client.pubsub()
    channel = pubsub.commands_channel(identity)
    subscription.subscribe(channel)
    eventually(lambda: client.pubsub_numsub(channel)[0][1])
    yield
    subscription.close()
    client.close()
