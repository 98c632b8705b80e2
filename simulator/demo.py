"""The demo's chargers: the first charges, again and again; the second is free; the others are out of order.

The first one's running transaction is kept in a file, as a real charger keeps it: after a power cut it sends its end.
"""

from __future__ import annotations

import asyncio
import csv
import json
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from simulator.charger import Charger, Transaction
from simulator.curve import Battery
from simulator.wire import CallFailed, Disconnected, log_failure

CARD = "POLARIS-DEMO-1"
METER_S = 5.0
PAUSE_S = 60.0  # between two cars
END_AFTER_S = 1.5

log = logging.getLogger(__name__)


@dataclass
class Memory:
    """What a charger knows after a power cut; `transaction_id` is 0 where none was running."""

    transaction_id: int = 0
    register_wh: int = 1_284_000

    @classmethod
    def load(cls, path: Path) -> Memory:
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def save(self, path: Path) -> None:
        beside = path.with_name(path.name + ".new")
        beside.write_text(json.dumps(asdict(self)))
        beside.replace(path)


async def run(file: Path, url: str) -> None:
    """Run all the chargers of a CSV file (identity,name,password) until cancelled."""
    with file.open(newline="") as rows:
        chargers = [Charger(url, row["identity"], row["password"], longest_pause_s=3.0) for row in csv.DictReader(rows)]
    kept = file.with_suffix(".state.json")
    lives = [_charging(kept), _with_status("Available"), _with_status("Faulted", "GroundFailure")]
    async with asyncio.TaskGroup() as group:
        for index, charger in enumerate(chargers):
            group.create_task(_live(charger, lives[min(index, len(lives) - 1)]))


async def _live(charger: Charger, life: Callable[[Charger], Awaitable[None]]) -> None:
    try:
        await charger.connect(eventually=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(_heartbeats(charger))
            group.create_task(_lasting(charger, life))
    finally:
        await charger.close()


async def _lasting(charger: Charger, life: Callable[[Charger], Awaitable[None]]) -> None:
    """Live, and where the connection fails in between begin anew when it is back."""
    while True:
        await charger.wire.connected.wait()
        try:
            await charger.boot()
            await life(charger)
        except (Disconnected, TimeoutError, CallFailed) as error:
            log.info("%s: begins anew: %r", charger.identity, error)
            await asyncio.sleep(1)


async def _heartbeats(charger: Charger) -> None:
    while True:
        await asyncio.sleep(PAUSE_S)
        await charger.wire.connected.wait()
        try:
            await charger.heartbeat()
        except (Disconnected, TimeoutError, CallFailed) as error:
            log.info("%s: no answer to a heartbeat: %r", charger.identity, error)


def _with_status(status: str, error_code: str = "NoError") -> Callable[[Charger], Awaitable[None]]:
    async def live(charger: Charger) -> None:
        await charger.status(1, status, error_code)
        await asyncio.Event().wait()

    return live


def _charging(path: Path) -> Callable[[Charger], Awaitable[None]]:
    async def live(charger: Charger) -> None:
        charger.end_after_s = END_AFTER_S
        memory = Memory.load(path)
        await _end_after_power_cut(charger, memory, path)
        while True:
            await _charge_one_car(charger, memory, path)
            await charger.status(1, "Available")
            await asyncio.sleep(PAUSE_S)

    return live


async def _end_after_power_cut(charger: Charger, memory: Memory, path: Path) -> None:
    if memory.transaction_id:
        cut = Transaction(1, CARD, memory.register_wh, memory.register_wh, id=memory.transaction_id)
        await charger.stop_transaction(cut, reason="PowerLoss")
        memory.transaction_id = 0
        memory.save(path)


async def _charge_one_car(charger: Charger, memory: Memory, path: Path) -> None:
    await charger.status(1, "Preparing")
    if await charger.authorize(CARD) != "Accepted":
        return
    transaction = await charger.start_transaction(CARD, meter_start_wh=memory.register_wh)
    memory.transaction_id = transaction.id
    memory.save(path)
    if transaction.status == "Accepted":
        await charger.status(1, "Charging")
        await _meter(charger, transaction, memory, path)
    if not transaction.is_ended.is_set():
        reason = "EVDisconnected" if transaction.status == "Accepted" else "DeAuthorized"
        await charger.stop_transaction(transaction, reason=reason)
    memory.transaction_id = 0
    memory.save(path)
    await charger.status(1, "Finishing")


async def _meter(charger: Charger, transaction: Transaction, memory: Memory, path: Path) -> None:
    """Send readings until the transaction is ended from afar, or the battery is full."""
    battery = Battery(memory.register_wh)
    while not battery.is_full:
        try:
            async with asyncio.timeout(METER_S):
                await transaction.is_ended.wait()
            return
        except TimeoutError:
            power_w = battery.charge(METER_S, random.uniform(-1, 1))
        memory.register_wh = round(battery.register_wh)
        memory.save(path)
        soc_percent = round(battery.soc_percent)
        sent = charger.meter_values(transaction, memory.register_wh, power_w=power_w, soc_percent=soc_percent)
        sent.add_done_callback(log_failure)
