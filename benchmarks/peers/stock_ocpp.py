"""A peer: the stock `ocpp` receive loop on `websockets`, which answers the benchmark's messages and stores nothing."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import UTC, datetime

from ocpp import v16, v201
from ocpp.routing import on
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

SUBPROTOCOLS = [Subprotocol("ocpp1.6"), Subprotocol("ocpp2.0.1")]


class Stock16(v16.ChargePoint):
    @on("Heartbeat")
    def on_heartbeat(self) -> v16.call_result.Heartbeat:
        return v16.call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())

    @on("MeterValues")
    def on_meter_values(self, **_: object) -> v16.call_result.MeterValues:
        return v16.call_result.MeterValues()


class Stock201(v201.ChargePoint):
    @on("TransactionEvent")
    def on_transaction_event(self, **_: object) -> v201.call_result.TransactionEvent:
        return v201.call_result.TransactionEvent()


async def handle(socket: ServerConnection) -> None:
    assert socket.request is not None
    stock = Stock16 if socket.subprotocol == "ocpp1.6" else Stock201
    await stock(socket.request.path.rsplit("/", 1)[-1], socket).start()


async def main(port: int) -> None:
    logging.getLogger("ocpp").setLevel(logging.ERROR)
    async with serve(handle, "127.0.0.1", port, subprotocols=SUBPROTOCOLS, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
