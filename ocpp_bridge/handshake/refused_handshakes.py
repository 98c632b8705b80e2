"""Owns noting refused handshakes: in memory at once, in the database every few seconds, bounded in both.

Of a key that was offered only its keyed hash is kept, and only where it is long enough to be a charger's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ocpp_bridge.commands.sender import InThread
from ocpp_bridge.handshake.admission import Visitor
from ocpp_bridge.outage import DATABASE_GONE, Outage
from polaris import charger_keys
from polaris.ingest import RefusedHandshake

STORE_EVERY_S = 2.0
MAX_WAITING = 200  # identities and addresses, between two stores; who is left out knocks again
MAX_OFFER_LENGTH = 100

log = logging.getLogger(__name__)


class RefusedHandshakes:
    """The refused handshakes of a process. `run` stores them; `refused` never waits."""

    def __init__(
        self,
        store: Callable[[Sequence[RefusedHandshake], datetime], None],
        in_thread: InThread,
        now: Callable[[], datetime],
        key_secrets: Mapping[int, bytes],
        database: Outage,
    ) -> None:
        self._store, self._in_thread, self._now = store, in_thread, now
        self._key_secrets = key_secrets
        self._outage = database
        self._knocks: dict[tuple[str, str], RefusedHandshake] = {}

    def refused(self, visitor: Visitor, offered: str) -> None:
        """Note a handshake that was not let in; what is new of it is logged."""
        at, name = self._now(), (visitor.identity, visitor.address)
        offered = "".join(filter(str.isprintable, offered))[:MAX_OFFER_LENGTH]  # it will stand on somebody's terminal
        key_hash, key_version = self._hashed(visitor)
        knock = self._knocks.get(name)
        if knock is None:
            if len(self._knocks) < MAX_WAITING:
                self._knocks[name] = RefusedHandshake(*name, offered, key_hash, key_version, at, at)
                log.info("%s: refused, from %s", *name)
            return
        knock.offered, knock.key_hash, knock.key_version = offered, key_hash, key_version
        knock.last_at, knock.times = at, knock.times + 1

    async def run(self) -> None:
        """Store for ever."""
        while True:
            await asyncio.sleep(STORE_EVERY_S)
            await self._store_all()

    async def _store_all(self) -> None:
        knocks, self._knocks = sorted(self._knocks.items()), {}
        if not knocks:
            return
        try:
            await self._in_thread(self._store, [knock for _, knock in knocks], self._now())
            self._outage.end()
        except DATABASE_GONE as error:
            self._outage.begin(error)
        except Exception:
            log.exception("Refused handshakes could not be stored")

    def _hashed(self, visitor: Visitor) -> tuple[str, int]:
        key = visitor.key or b""
        if not charger_keys.MIN_LENGTH <= len(key) <= charger_keys.MAX_LENGTH:
            return "", 0
        return charger_keys.hashed(self._key_secrets, visitor.identity, key)
