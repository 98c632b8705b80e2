"""The peer: the stock `ocpp` receive loop on `websockets`, answering MeterValues and Heartbeat and storing nothing."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import UTC, datetime

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from websockets.asyncio.server import ServerConnection, serve


class Stock(ChargePoint):
    @on("Heartbeat")
    def on_heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())

    @on("MeterValues")
    def on_meter_values(self, **_: object) -> call_result.MeterValues:
        return call_result.MeterValues()


async def handle(socket: ServerConnection) -> None:
    await Stock(socket.request.path.rsplit("/", 1)[-1], socket).start()


async def main(port: int) -> None:
    logging.getLogger("ocpp").setLevel(logging.ERROR)
    async with serve(handle, "127.0.0.1", port, subprotocols=["ocpp1.6"], compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
