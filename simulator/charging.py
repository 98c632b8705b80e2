"""A charging car: readings while a transaction runs, and one charger that charges one car."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from simulator.charger import Charger, Transaction
from simulator.connection import log_failure
from simulator.curve import Battery

METER_INTERVAL_S = 5.0
END_AFTER_S = 1.5  # between an accepted remote stop and the end, so that a page shows that the stop is under way
UNPLUG_TIMEOUT_S = 5.0


class CardRefused(Exception):
    """The central system does not accept the card."""


async def charge_one_car(url: str, identity: str, key: str, card: str) -> None:
    """Charge until the battery is full, a remote stop, or the task's cancellation. Raise `CardRefused`."""
    async with Charger(url, identity, key) as charger:
        charger.end_after_s = END_AFTER_S
        await charger.boot()
        await charger.status(1, "Preparing")
        transaction = await charger.start_transaction(card)
        if transaction.status != "Accepted":
            await charger.stop_transaction(transaction, reason="DeAuthorized")
            raise CardRefused(f"The card {card} is not accepted: {transaction.status}.")
        try:
            await charger.status(1, "Charging")
            print(f"{identity} is charging. Ctrl-C unplugs the car.", flush=True)
            await send_readings(charger, transaction, Battery(0))
        finally:
            async with asyncio.timeout(UNPLUG_TIMEOUT_S):
                await _unplug(charger, transaction)
        print("The session has ended.")


async def send_readings(
    charger: Charger, transaction: Transaction, battery: Battery, on_reading: Callable[[int], None] = lambda _: None
) -> None:
    """Send readings until the transaction is stopped remotely or the battery is full; pass on each register value."""
    while not battery.is_full:
        try:
            async with asyncio.timeout(METER_INTERVAL_S):
                await transaction.is_ended.wait()
            return
        except TimeoutError:
            power_w = battery.charge(METER_INTERVAL_S, random.uniform(-1, 1))
        register_wh, soc_percent = round(battery.register_wh), round(battery.soc_percent)
        on_reading(register_wh)
        sent = charger.meter_values(transaction, register_wh, power_w=power_w, soc_percent=soc_percent)
        sent.add_done_callback(log_failure)


async def _unplug(charger: Charger, transaction: Transaction) -> None:
    if not transaction.is_ended.is_set():
        await charger.stop_transaction(transaction, reason="EVDisconnected")
    await charger.flush()
    await charger.status(1, "Available")
