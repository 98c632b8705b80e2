"""`python -m simulator demo` runs the demo's chargers until a signal; `… replay` plays a log of frames."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from websockets.exceptions import InvalidHandshake

from simulator import demo, replay
from simulator.wire import Disconnected


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    if not chosen.file.exists():
        return _say(f"There is no file {chosen.file}.", status=2)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if chosen.command == "replay":
        return _replay(chosen)
    asyncio.run(_until_signal(chosen.file, chosen.url))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="Virtual OCPP chargers.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo_ = commands.add_parser("demo", help="run the demo's chargers, one of them charging")
    demo_.add_argument("--file", type=Path, required=True, help="a CSV file: identity,name,password")
    demo_.add_argument("--url", required=True, help="where chargers connect to: ws://host:port/ocpp")
    replay_ = commands.add_parser("replay", help="play a file of `flask --app app frames export`")
    replay_.add_argument("file", type=Path)
    replay_.add_argument("--url", required=True, help="where chargers connect to: ws://host:port/ocpp")
    replay_.add_argument("--identity", required=True, help="the charger that plays it")
    replay_.add_argument("--key", required=True, help="its key; - reads it from standard input")
    replay_.add_argument("--card", default="", help="a card's id in place of the session's stand-in, STAND-IN-1")
    replay_.add_argument("--speed", type=float, default=0, help="1 as it was, 10 ten times as fast; default: at once")
    return parser


def _replay(chosen: argparse.Namespace) -> int:
    key = sys.stdin.readline().rstrip("\r\n") if chosen.key == "-" else chosen.key
    try:
        steps = replay.load(chosen.file, chosen.card)
        playing = replay.Replay(chosen.url, chosen.identity, key, steps, speed=max(0.0, chosen.speed))
        played = asyncio.run(playing.run())
    except replay.NotAReplay as problem:
        return _say(str(problem), status=2)
    except TimeoutError:
        return _say("The bridge did not answer in time.")
    except (Disconnected, OSError, InvalidHandshake) as error:
        return _say(f"The connection failed: {str(error) or type(error).__name__}")
    print(f"{played.sent} frames were sent; {played.answered} were answered, {played.refused} refused.")
    return 0


async def _until_signal(file: Path, url: str) -> None:
    running = asyncio.create_task(demo.run(file, url))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        return


def _say(sentence: str, status: int = 1) -> int:
    print(sentence, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
