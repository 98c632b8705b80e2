"""The demo's chargers: the first charges, again and again; the second is free, and charges if it is started from
afar; the others are out of order.

The first one keeps its running transaction in a file, as a real charger does, and ends it after a power cut.
"""

from __future__ import annotations

import asyncio
import csv
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from simulator.charger import Charger, Transaction
from simulator.charging import END_AFTER_S, send_readings
from simulator.command_responses import STARTS
from simulator.connection import CallFailed, Disconnected
from simulator.curve import Battery

CARD = "POLARIS-DEMO-1"
HEARTBEAT_INTERVAL_S = 60.0
PAUSE_S = 60.0  # between two cars
PLUG_IN_S = 8.0  # from an accepted start to the car, so that a page shows that it is waited for
MAX_PAUSE_S = 3.0  # between two attempts to connect, so that the demo is back soon after a restart of the bridge

Behaviour = Callable[[Charger], Awaitable[None]]

log = logging.getLogger(__name__)


@dataclass
class SavedState:
    """The state of a charger in a file; `transaction_id` is 0 if none is running."""

    path: Path
    transaction_id: int = 0
    register_wh: int = 1_284_000
    is_unsaved: bool = False

    @classmethod
    def load(cls, path: Path) -> SavedState:
        return cls(path, **json.loads(path.read_text())) if path.exists() else cls(path)

    def save_transaction(self, transaction_id: int) -> None:
        self.transaction_id = transaction_id
        self._save()

    def save_register(self, register_wh: int) -> None:
        self.register_wh = register_wh
        self._save()

    def _save(self) -> None:
        unfinished = self.path.with_name(self.path.name + ".new")
        try:
            unfinished.write_text(json.dumps({"transaction_id": self.transaction_id, "register_wh": self.register_wh}))
            unfinished.replace(self.path)
        except OSError as error:  # such as a full disk: it goes on with what it has in memory
            if not self.is_unsaved:
                log.warning("The state of the demo cannot be saved: %s", error)
            self.is_unsaved = True
        else:
            self.is_unsaved = False


async def run(file: Path, url: str) -> None:
    """Run all the chargers of a CSV file (identity,name,password) until cancelled."""
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    chargers = [Charger(url, row["identity"], row["password"], max_pause_s=MAX_PAUSE_S) for row in rows]
    state_file = file.with_suffix(".state.json")
    behaviours = [_charging(state_file), _free, _with_status("Faulted", "GroundFailure")]
    async with asyncio.TaskGroup() as group:
        for index, charger in enumerate(chargers):
            group.create_task(_run(charger, behaviours[min(index, len(behaviours) - 1)]))


async def _run(charger: Charger, behaviour: Behaviour) -> None:
    try:
        await charger.connect(eventually=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(_heartbeats(charger))
            group.create_task(_repeat(charger, behaviour))
    finally:
        await charger.close()


async def _repeat(charger: Charger, behaviour: Behaviour) -> None:
    """Boot and run the behaviour; start over after each lost connection."""
    while True:
        await charger.connection.connected.wait()
        try:
            await charger.boot()
            await behaviour(charger)
        except (Disconnected, TimeoutError, CallFailed) as error:
            log.info("%s: starts over: %r", charger.identity, error)
            await asyncio.sleep(1)


async def _heartbeats(charger: Charger) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_INTERVAL_S)
        await charger.connection.connected.wait()
        try:
            await charger.heartbeat()
        except (Disconnected, TimeoutError, CallFailed) as error:
            log.info("%s: no answer to a heartbeat: %r", charger.identity, error)


def _with_status(status: str, error_code: str = "NoError") -> Behaviour:
    async def behave(charger: Charger) -> None:
        await charger.status(1, status, error_code)
        await asyncio.Event().wait()

    return behave


async def _free(charger: Charger) -> None:
    """Wait for a remote start; then a car is plugged in, and charges until it is stopped or full."""
    charger.starts, charger.end_after_s = False, END_AFTER_S
    while True:
        await charger.status(1, "Available")
        card = await _card_of_remote_start(charger)
        await charger.status(1, "Preparing")
        await asyncio.sleep(PLUG_IN_S)
        transaction = await charger.start_transaction(card)
        if transaction.status == "Accepted":
            await charger.status(1, "Charging")
            await send_readings(charger, transaction, Battery(0))
        if not transaction.is_ended.is_set():
            await charger.stop_transaction(transaction, reason="EVDisconnected")


async def _card_of_remote_start(charger: Charger) -> str:
    while True:
        charger.commanded.clear()
        await charger.commanded.wait()
        action, payload = charger.commands[-1]
        if action in STARTS:
            return str(payload["idTag"])


def _charging(path: Path) -> Behaviour:
    async def behave(charger: Charger) -> None:
        charger.end_after_s = END_AFTER_S
        state = SavedState.load(path)
        await _end_after_power_cut(charger, state)
        while True:
            await _charge_one_car(charger, state)
            await charger.status(1, "Available")
            await asyncio.sleep(PAUSE_S)

    return behave


async def _end_after_power_cut(charger: Charger, state: SavedState) -> None:
    if state.transaction_id:
        interrupted = Transaction(1, CARD, state.register_wh, state.register_wh, id=state.transaction_id)
        await charger.stop_transaction(interrupted, reason="PowerLoss")
        state.save_transaction(0)


async def _charge_one_car(charger: Charger, state: SavedState) -> None:
    await charger.status(1, "Preparing")
    if await charger.authorize(CARD) != "Accepted":
        return
    transaction = await charger.start_transaction(CARD, meter_start_wh=state.register_wh)
    state.save_transaction(transaction.id)
    if transaction.status == "Accepted":
        await charger.status(1, "Charging")
        await send_readings(charger, transaction, Battery(state.register_wh), state.save_register)
    if not transaction.is_ended.is_set():
        reason = "EVDisconnected" if transaction.status == "Accepted" else "DeAuthorized"
        await charger.stop_transaction(transaction, reason=reason)
    state.save_transaction(0)
    await charger.status(1, "Finishing")
