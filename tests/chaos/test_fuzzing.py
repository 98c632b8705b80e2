"""Proof by fuzzing: one charger sends anything while 100 others charge, and nobody else notices.

The fuzzer is in the test's own thread, as Hypothesis is; the others have a thread and an event loop of theirs.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.chaos.conftest import Asked
from tests.chaos.fuzz import Shot, shots
from tests.chaos.harness import Fleet, LedgerCharger
from tests.chaos.tongues import TONGUES
from tests.support import schemas
from tests.support.depot import KEY, Depot
from tests.support.processes import Process, Processes
from tests.support.wait import eventually

pytestmark = pytest.mark.both_databases

CHARGERS, PAUSE_S = 100, 0.3
EXAMPLES_A_ROUND = 500  # Hypothesis remembers what it tried, so it begins anew
ANSWERED_WITHIN_S = 15.0  # far from what is usual: this is no benchmark
MAX_GROWTH_KB = 48 * 1024  # from the first fifth of the frames to the end

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Fuzzed:
    """The charger that sends anything. Cut off, it comes back in the next version; it checks what it gets."""

    def __init__(self, depot: Depot, identity: str) -> None:
        self._url = f"{depot.url}/{identity}"
        self._authorization = base64.b64encode(f"{identity}:{KEY}".encode()).decode()
        self._socket: ClientConnection | None = None
        self._open = ExitStack()
        self._versions = itertools.cycle(schemas.CODES)
        self._version = ""
        self.sent, self.syncs, self.cut_off = 0, 0, 0
        self.got: Counter[str] = Counter()

    def send(self, volley: list[Shot]) -> None:
        """Send it all, and see that the bridge still answers, on this connection or on the next."""
        frames: list[tuple[str, str | bytes]] = []
        try:
            socket = self._connected()
            for shot in volley:
                self.sent += 1
                frames.append(("sent", shot.data))
                self._fire(socket, shot)
            if volley[-1].is_raw:  # half a WebSocket frame would swallow whatever came after it
                raise ConnectionAbortedError
            self._sync(socket, frames)
        except (ConnectionClosed, OSError):
            self.close()
            self.cut_off += 1
            self._sync(self._connected(), [])

    def close(self) -> None:
        self._socket = None
        self._open.close()

    def _connected(self) -> ClientConnection:
        if self._socket is None:
            self._version = next(self._versions)
            connecting = connect(
                self._url,
                subprotocols=[f"ocpp{self._version}"],  # type: ignore[list-item]
                additional_headers={"Authorization": f"Basic {self._authorization}"},
                compression=None,
                proxy=None,
                close_timeout=1,
            )
            self._socket = self._open.enter_context(connecting)
        return self._socket

    def _fire(self, socket: ClientConnection, shot: Shot) -> None:
        if shot.is_raw:
            assert isinstance(shot.data, bytes)
            socket.socket.sendall(shot.data)
        else:
            socket.send(shot.data, text=shot.is_text)

    def _sync(self, socket: ClientConnection, frames: list[tuple[str, str | bytes]]) -> None:
        """Heartbeat, and read until it is answered: whatever came before it has been dealt with then."""
        self.syncs += 1
        sync = f"sync-{self.syncs}"
        socket.send(json.dumps([2, sync, "Heartbeat", {}]))
        frames.append(("sent", json.dumps([2, sync, "Heartbeat", {}])))
        while True:
            try:
                text = socket.recv(ANSWERED_WITHIN_S)
            except TimeoutError:
                raise AssertionError("the bridge does not answer the charger that is fuzzed") from None
            frame = json.loads(text)
            self._check(frame)
            if frame[1] == sync:
                return

    def _check(self, frame: list[object]) -> None:
        """A silent transaction may be asked for; all else are answers, and none is the bridge's own failure."""
        kind = str(frame[2]) if frame[0] in (2, 4) else "result"
        self.got[kind] += 1
        assert frame[0] in (2, 3, 4), frame
        assert kind != "InternalError", frame
        assert frame[0] != 4 or kind in schemas.CODES[self._version], frame


@pytest.mark.field(46)
@on_sqlite
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # the others' thread does, not the strategies
def test_fuzzer_disturbs_nobody(
    own_depot: Depot, processes: Processes, asked: Asked, report: Callable[[str], None]
) -> None:
    bridge = processes.bridge()
    rng = random.Random(f"{asked.seed} fuzzing")
    fuzzed = Fuzzed(own_depot, own_depot.identity())
    others = [
        LedgerCharger(own_depot.url, own_depot.identity(), KEY, own, own.choice(TONGUES), pause_s=PAUSE_S)
        for own in (random.Random(rng.getrandbits(64)) for _ in range(CHARGERS))
    ]
    with _charging(Fleet(others)) as fleet:
        eventually(lambda: all(charger.visits for charger in others), timeout_s=60)
        _fuzz(fuzzed, asked.frames // 5, rng)
        before_kb = _rss_kb(bridge)
        _fuzz(fuzzed, asked.frames, rng)
        after_kb = _rss_kb(bridge)
    fuzzed.close()
    slowest_s = max(charger.slowest_s for charger in others)
    assert bridge.stop() == 0
    report(
        f"fuzzing: {fuzzed.sent} frames, {fuzzed.cut_off} times cut off, answers {dict(fuzzed.got)}; "
        f"the bridge's memory {before_kb} → {after_kb} kB; {CHARGERS} others: {fleet.answered} answers, "
        f"the slowest {slowest_s:.2f} s"
    )
    assert after_kb - before_kb < MAX_GROWTH_KB
    assert slowest_s < ANSWERED_WITHIN_S
    assert not (found := fleet.disagreements()), "\n".join(found[:10])
    assert "Traceback" not in bridge.log_text(), bridge.log_text()[-5000:]


def _fuzz(fuzzed: Fuzzed, frames: int, rng: random.Random) -> None:
    """Send frames until there were so many, in rounds of new examples."""
    while fuzzed.sent < frames:
        _round(fuzzed, rng.getrandbits(64), min(EXAMPLES_A_ROUND, 1 + (frames - fuzzed.sent) // 8))


def _round(fuzzed: Fuzzed, seed: int, examples: int) -> None:
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # a bridge remembers: what failed once need not fail again
        suppress_health_check=list(HealthCheck),
    )
    @given(volley=shots())
    def shoot(volley: list[Shot]) -> None:
        fuzzed.send(volley)

    shoot()


@contextmanager
def _charging(fleet: Fleet) -> Iterator[Fleet]:
    """Let a fleet charge in a thread of its own; at the end each finishes its session."""
    is_over = threading.Event()
    failure: list[BaseException] = []

    async def charge() -> None:
        fleet.start()
        try:
            while not is_over.is_set():
                fleet.check()
                await asyncio.sleep(0.05)
            await fleet.end()
        finally:
            await fleet.kill()

    def run() -> None:
        try:
            asyncio.run(charge())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="fleet")
    thread.start()
    try:
        yield fleet
    finally:
        is_over.set()
        thread.join()
    if failure:
        raise failure[0]


def _rss_kb(process: Process) -> int:
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")
