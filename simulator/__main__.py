"""`python -m simulator demo --file CSV --url WS_URL`: runs the demo's chargers until a signal."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from simulator import demo


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="Virtual OCPP 1.6 chargers.")
    commands = parser.add_subparsers(dest="command", required=True)
    arguments = commands.add_parser("demo", help="run the demo's chargers, one of them charging")
    arguments.add_argument("--file", type=Path, required=True, help="a CSV file: identity,name,password")
    arguments.add_argument("--url", required=True, help="where chargers connect to: ws://host:port/ocpp")
    chosen = parser.parse_args()
    if not chosen.file.exists():
        print(f"There is no file {chosen.file}.", file=sys.stderr)
        return 2
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(_until_signal(chosen.file, chosen.url))
    return 0


async def _until_signal(file: Path, url: str) -> None:
    running = asyncio.create_task(demo.run(file, url))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        return


if __name__ == "__main__":
    sys.exit(main())
