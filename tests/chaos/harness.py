"""Owns the chargers that keep a ledger: everything they said, what was answered, and whether the database agrees.

They do as real ones do: one message outstanding, in order; what was not answered is said again, with the same message
id or with a new one; now and then the connection is lost, and a message whose answer was lost comes twice.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter, deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from polaris.domain.enums import SessionState
from polaris.models import Charger, ChargingSession, Connector, MeterReading, UnprocessableFact
from simulator.connection import CallFailed, ChargerConnection, Disconnected, Payload
from tests.chaos.tongues import TONGUES, Said, Tongue, Visit
from tests.support.depot import KEY, Depot, until
from tests.support.processes import Process

REPEATED, CUT = 0.03, 0.01  # of the messages
MAX_READINGS = 12  # of a session
ANSWERED_WITHIN_S = 20.0  # then it is said again
ENDED_WITHIN_S = 90.0
GOES_ON_WITHIN_S = 60.0
MAX_TIMES = 10_000  # of the last answers


class LedgerCharger:
    """A charger under load. `run` charges car after car until `end` is called and the last one is through."""

    def __init__(
        self, url: str, identity: str, key: str, rng: random.Random, tongue: Tongue, *, pause_s: float
    ) -> None:
        self.identity, self.tongue = identity, tongue
        self.connection = ChargerConnection(
            url,
            identity,
            key,
            self._refuse,
            subprotocols=(tongue.subprotocol,),
            max_pause_s=0.8,
            call_timeout_s=ANSWERED_WITHIN_S,
        )
        self.visits: list[Visit] = []
        self.status = ""
        self.answered: Counter[str] = Counter()  # by action
        self.sent_again = 0
        self.answer_times_s: deque[float] = deque(maxlen=MAX_TIMES)
        self.complaints: list[str] = []
        self._rng, self._pause_s = rng, pause_s
        self._is_ending = False
        self._clock = datetime.now(UTC).replace(microsecond=0)
        self._register_wh = rng.randrange(1_000_000)

    @property
    def id_tag(self) -> str:
        return self.identity[:20]

    @property
    def slowest_s(self) -> float:
        return max(self.answer_times_s, default=0.0)

    async def run(self) -> None:
        await self.connection.open_eventually()
        try:
            await self._say(self.tongue.boot())
            while not self._is_ending:
                await self._charge()
        finally:
            await self.connection.close()

    def end(self) -> None:
        self._is_ending = True

    async def _charge(self) -> None:
        visit = Visit(self.id_tag, self._now(), self._register_wh)
        visit.name = self.tongue.name(visit, await self._say(self.tongue.start(visit)))
        self.visits.append(visit)
        await self._tell_status(self.tongue.busy)
        for _ in range(self._rng.randint(0, MAX_READINGS)):
            await self._meter(visit)
        self._register_wh += self._rng.randrange(100)
        visit.ended_at, visit.meter_stop_wh = self._now(), self._register_wh
        await self._say(self.tongue.stop(visit))
        await self._tell_status("Available")

    async def _meter(self, visit: Visit) -> None:
        self._register_wh += self._rng.randrange(400)
        at = self._now()
        visit.readings[at] = self._register_wh, self._rng.choice([None, self._rng.randrange(22_000)])
        await self._say(self.tongue.meter(visit, at))

    async def _tell_status(self, status: str) -> None:
        self.status = status
        await self._say(self.tongue.status(status, self._now()))

    async def _say(self, said: Said) -> Payload:
        """Say it until it is answered, and now and then once more."""
        action, payload = said
        await asyncio.sleep(self._rng.uniform(0, 2 * self._pause_s))
        answer = await self._insist(action, payload)
        if self._rng.random() < REPEATED and action != "BootNotification":
            again = await self._insist(action, payload)
            if again != answer:
                self.complaints.append(f"{action} {payload} was answered {answer}, then {again}")
        return answer

    async def _insist(self, action: str, payload: Payload) -> Payload:
        loop, message_id = asyncio.get_running_loop(), str(uuid.UUID(int=self._rng.getrandbits(128)))
        while True:
            await self.connection.connected.wait()
            if self._rng.random() < CUT:
                loop.call_later(self._rng.uniform(0, 0.02), self.connection.drop)
            begun = loop.time()
            try:
                answer = await self.connection.call(action, payload, message_id)
            except (Disconnected, TimeoutError):
                self.sent_again += 1
                if self._rng.random() < 0.5:
                    message_id = str(uuid.UUID(int=self._rng.getrandbits(128)))
            except CallFailed as failure:
                self.complaints.append(f"{action} {payload} was refused: {failure}")
                raise
            else:
                self.answer_times_s.append(loop.time() - begun)
                self.answered[action] += 1
                return answer

    async def _refuse(self, action: str, _: Payload, message_id: str) -> None:
        await self.connection.send_error(message_id, "NotSupported")

    def _now(self) -> datetime:
        """The charger's clock: no two things happen at once."""
        now = datetime.now(UTC)
        self._clock = max(
            now.replace(microsecond=now.microsecond // 1000 * 1000), self._clock + timedelta(milliseconds=1)
        )
        return self._clock


class Fleet:
    """All the chargers of a test, running side by side."""

    def __init__(self, chargers: Iterable[LedgerCharger]) -> None:
        self.chargers = list(chargers)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(charger.run()) for charger in self.chargers]

    async def goes_on(self, *processes: Process) -> None:
        """Wait until every charger has been answered since now; fail if one of the processes has ended."""
        before = {charger: charger.answered.total() for charger in self.chargers}

        def all_answered() -> bool:
            self.check()
            for process in processes:
                assert process.is_running, process.log_text()
            return all(charger.answered.total() > seen for charger, seen in before.items())

        await until(all_answered, timeout_s=GOES_ON_WITHIN_S)

    async def end(self) -> None:
        """Let each finish its session; fail where one cannot."""
        for charger in self.chargers:
            charger.end()
        async with asyncio.timeout(ENDED_WITHIN_S):
            await asyncio.gather(*self._tasks)

    async def kill(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self) -> None:
        """Fail where a charger cannot go on."""
        for task in self._tasks:
            if task.done():
                task.result()

    @property
    def answered(self) -> int:
        return sum(charger.answered.total() for charger in self.chargers)

    @property
    def sent_again(self) -> int:
        return sum(charger.sent_again for charger in self.chargers)

    @property
    def visits(self) -> int:
        return sum(len(charger.visits) for charger in self.chargers)

    def disagreements(self) -> list[str]:
        """What the database does not say as the chargers do: each message once, each total exact. Empty is good."""
        found = [complaint for charger in self.chargers for complaint in charger.complaints]
        for charger in self.chargers:
            row = Charger.get(Charger.identity == charger.identity)
            found += _differences(charger.identity, _said(charger), _stored(row))
            status = Connector.get(Connector.charger == row, Connector.number == 1).status
            if status != charger.status:
                found.append(f"{charger.identity}: its connector is {status}, it said {charger.status}")
            unprocessable = UnprocessableFact.select().where(UnprocessableFact.charger == row)
            found += [f"{charger.identity}: unprocessable {fact.name}: {fact.reason}" for fact in unprocessable]
        return found


def add_charger(depot: Depot, rng: random.Random, *, pause_s: float) -> LedgerCharger:
    """Add a charger that speaks either version, with a chance of its own."""
    own = random.Random(rng.getrandbits(64))
    return LedgerCharger(depot.url, depot.identity(), KEY, own, own.choice(TONGUES), pause_s=pause_s)


def _said(charger: LedgerCharger) -> dict[int | str, dict[str, Any]]:
    return {visit.name: _session_said(visit, charger.tongue) for visit in charger.visits}


def _session_said(visit: Visit, tongue: Tongue) -> dict[str, Any]:
    assert visit.ended_at is not None
    first = [(visit.started_at, visit.meter_start_wh, None, False)] if tongue.begins_with_reading else []
    final = (visit.ended_at, visit.meter_stop_wh, None, True)
    return {
        "state": SessionState.COMPLETED,
        "started_at": visit.started_at,
        "ended_at": visit.ended_at,
        "meter_start_wh": visit.meter_start_wh,
        "energy_wh": visit.meter_stop_wh - visit.meter_start_wh,
        "readings": [*first, *((at, *values, False) for at, values in visit.readings.items()), final],
    }


def _stored(charger: Charger) -> dict[int | str, dict[str, Any]]:
    sessions = ChargingSession.select().where(ChargingSession.charger == charger)
    return {session.transaction_id or session.number: _session_stored(session) for session in sessions}


def _session_stored(session: ChargingSession) -> dict[str, Any]:
    readings = MeterReading.select().where(MeterReading.session == session).order_by(MeterReading.sampled_at)
    return {
        "state": session.state,
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "meter_start_wh": session.meter_start_wh,
        "energy_wh": session.energy_wh,
        "readings": [(r.sampled_at, r.register_wh, r.power_w, r.is_final) for r in readings],
    }


def _differences(identity: str, said: dict[int | str, Any], stored: dict[int | str, Any]) -> list[str]:
    return [
        f"{identity}: session {name}: said {said.get(name)}, stored {stored.get(name)}"
        for name in sorted(said.keys() | stored.keys(), key=str)
        if said.get(name) != stored.get(name)
    ]
