"""Record of refused handshakes: in memory at once, in the database every few seconds, bounded in both.

A write for each would let strangers load the database.

Of an offered key only the keyed hash is kept, and only if it is long enough to be a charger's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ocpp_bridge.clock import now
from ocpp_bridge.handshake.admission import Handshake
from ocpp_bridge.tasks import in_thread
from polaris import charger_keys
from polaris.bounded_log import bounded
from polaris.ingest import RefusedHandshake

MAX_PENDING = 200  # identities and addresses between two stores; a client that is left out will try again
MAX_OFFER_LENGTH = 100  # of the subprotocols, which are stored and shown

log = bounded(__name__)


class RefusedHandshakes:
    """The refused handshakes of a process. `note` never waits; `store_pending` has to be called regularly."""

    def __init__(
        self,
        store: Callable[[Sequence[RefusedHandshake], datetime], None],
        key_secrets: Mapping[int, bytes],
    ) -> None:
        self._store = store
        self._key_secrets = key_secrets
        self._pending: dict[tuple[str, str], RefusedHandshake] = {}

    def note(self, handshake: Handshake, offered: str) -> None:
        """Note a refused handshake; the first of its identity and address between two stores is logged."""
        at, client = now(), (handshake.identity, handshake.address)
        offered = "".join(filter(str.isprintable, offered))[:MAX_OFFER_LENGTH]  # it is printed on a terminal
        key_hash, key_version = self._hashed(handshake)
        refused = self._pending.get(client)
        if refused is None:
            if len(self._pending) < MAX_PENDING:
                path = handshake.path
                self._pending[client] = RefusedHandshake(*client, offered, key_hash, key_version, at, at, path=path)
                log.info("%s: refused, from %s at %s", *client, path)
            return
        refused.path = handshake.path
        refused.offered, refused.key_hash, refused.key_version = offered, key_hash, key_version
        refused.last_at, refused.times = at, refused.times + 1

    async def store_pending(self) -> None:
        """Store the refused handshakes since the last call. Those that cannot be stored are dropped."""
        pending, self._pending = sorted(self._pending.items()), {}
        if pending:
            await in_thread(self._store, [refused for _, refused in pending], now())

    def _hashed(self, handshake: Handshake) -> tuple[str, int]:
        key = handshake.key or b""
        if not charger_keys.MIN_LENGTH <= len(key) <= charger_keys.MAX_LENGTH:
            return "", 0
        return charger_keys.hashed(self._key_secrets, handshake.identity, key)
