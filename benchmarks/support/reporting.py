"""The chargers of the latency benchmark, in a process of their own: each has a session and reports on request.

`ReportingChargers` controls it; `python -m benchmarks.support.reporting` is the process, which takes a line of JSON for
each run and answers with one. Frames are sent at their intended instants, whether or not the previous one was answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from functools import partial
from typing import Any

import uvloop

from benchmarks.support.browsers import spread
from benchmarks.support.generator import Load, SimulatedCharger, connect, transaction
from benchmarks.support.json_process import JsonProcess
from benchmarks.support.messages import CallSource

EARLIER_READINGS = 20  # fill the timeline of a session's page
ANSWER_TIMEOUT_S = 2.0


class ReportingChargers(JsonProcess):
    """The process of the chargers. The constructor returns when they are connected and their sessions run."""

    def __init__(self, port: int, keys: list[tuple[str, str]]) -> None:
        super().__init__("benchmarks.support.reporting")
        self.send({"port": port, "keys": keys, "kind": "MeterValues", "seconds": 0.0})
        self.answer()

    def report(self, began: float, step_s: float, total: int) -> dict[str, Any]:
        """Send `total` frames, one each `step_s` from `began` on, from each charger in turn; return the figures."""
        self.send({"began": began, "step_s": step_s, "total": total})
        figures: dict[str, Any] = self.answer()
        return figures


async def main() -> None:
    load = Load(**json.loads(sys.stdin.readline()))
    chargers = await connect(load)
    ids = await asyncio.gather(*map(transaction, chargers))
    messages = [CallSource(load.kind, transaction_id) for transaction_id in ids]
    for _ in range(EARLIER_READINGS):
        await asyncio.gather(*(charger.call(source.next()) for charger, source in zip(chargers, messages, strict=True)))
    print(json.dumps(len(chargers)), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await report(chargers, messages, **json.loads(line))), flush=True)


async def report(
    chargers: list[SimulatedCharger], messages: list[CallSource], *, began: float, step_s: float, total: int
) -> dict[str, Any]:
    clock, cpu = time.perf_counter, time.process_time()
    late: list[float] = []
    answered: list[float] = []
    errors = [0]
    intended_of = [0.0] * len(chargers)

    def take(place: int, payload: bytes) -> None:
        answered.append(clock() - intended_of[place])
        errors[0] += payload[1:2] != b"3"

    for place, charger in enumerate(chargers):
        charger.on_answer = partial(take, place)
    for number in range(total):
        place, intended = number % len(chargers), began + number * step_s
        await asyncio.sleep(max(0.0, intended - clock()))
        intended_of[place] = intended
        chargers[place].send(messages[place].next())
        late.append(clock() - intended)
    await asyncio.sleep(ANSWER_TIMEOUT_S)
    return {
        "frames": total,
        "unanswered": total - len(answered),
        "errors": errors[0],
        "sent_late_ms": spread(late),
        "answered_ms": spread(answered),
        "chargers_busy": round((time.process_time() - cpu) / (clock() - began), 2),
    }


if __name__ == "__main__":
    uvloop.run(main())
