"""Throttle of wrong keys: how many a client may offer as one charger, and in all, before it is asked to wait.

Only whoever has been wrong is ever asked to wait: a depot's chargers share an address, and a right key gets in beside a
thousand wrong ones of other chargers. So does the key that a charger was last admitted with from the same network,
while somebody there guesses at it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Hashable
from time import monotonic

MAX_FAILURES, FAILURE_PERIOD_S = 10, 50.0  # of a client as one charger; a technician mistypes a few times
# Of a network as any charger; a depot's may all have a wrong key. It makes only those wait that have failed as the
# charger they claim: a first guess at each charger is always checked, or one guesser would keep out a whole depot.
MAX_NETWORK_FAILURES, NETWORK_PERIOD_S = 300, 60.0
MAX_REMEMBERED = 20_000  # networks, and pairs of charger and network; the longest idle are forgotten

Client = tuple[str, str]  # the identity that is claimed, and the network


class Failures:
    """Counts of failures, which lessen with time: from the most that is allowed to none within a period."""

    def __init__(self, max_failures: int, period_s: float) -> None:
        self._max, self._per_s = max_failures, max_failures / period_s
        self._counts: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # with the instant of the last one

    def count(self, key: Hashable) -> float:
        """Return how many failures still count."""
        count, at = self._counts.get(key, (0.0, 0.0))
        return max(0.0, count - (monotonic() - at) * self._per_s)

    def is_spent(self, key: Hashable) -> bool:
        """Return whether there may be no further failure for now."""
        return self.count(key) > self._max - 1

    def add(self, key: Hashable) -> None:
        self._counts[key] = self.count(key) + 1, monotonic()
        self._counts.move_to_end(key)
        if len(self._counts) > MAX_REMEMBERED:
            self._counts.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        self._counts.pop(key, None)


class KeyThrottle:
    """The throttle of a process. Ask `is_open` before a key is checked, and report how that went."""

    def __init__(self) -> None:
        self._by_client = Failures(MAX_FAILURES, FAILURE_PERIOD_S)
        self._by_network = Failures(MAX_NETWORK_FAILURES, NETWORK_PERIOD_S)
        self._admitted: OrderedDict[Client, bytes] = OrderedDict()  # keyed hashes of the keys they came with
        self._secret = secrets.token_bytes(32)

    def is_open(self, client: Client, key: bytes | None) -> bool:
        """Return whether a client's key may be checked now."""
        has_failed = self._by_client.count(client) > 0
        if not self._by_client.is_spent(client) and not (has_failed and self._by_network.is_spent(client[1])):
            return True
        return hmac.compare_digest(self._admitted.get(client, b""), self._hashed(key))

    def failed(self, client: Client) -> bool:
        """Count a failure; return whether the client has to wait from now on."""
        self._by_client.add(client)
        self._by_network.add(client[1])
        return self._by_client.is_spent(client) or self._by_network.is_spent(client[1])

    def admitted(self, client: Client, key: bytes | None) -> None:
        """Forget a client's failures, and remember its key."""
        self._by_client.forget(client)
        self._admitted[client] = self._hashed(key)
        self._admitted.move_to_end(client)
        if len(self._admitted) > MAX_REMEMBERED:
            self._admitted.popitem(last=False)

    def _hashed(self, key: bytes | None) -> bytes:
        return hmac.digest(self._secret, key or b"", hashlib.sha256)
