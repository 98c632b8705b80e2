"""`python -m simulator`: `demo` runs the demo's chargers, `charge` one charger, `replay` a log of frames."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from websockets.exceptions import InvalidHandshake

from simulator import demo, replay
from simulator.charging import CardRefused, charge_one_car
from simulator.connection import CallFailed, Disconnected

URL_HELP = "where chargers connect to: ws://host:port/ocpp"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.command != "charge" and not options.file.exists():
        return _fail(f"There is no file {options.file}.", code=2)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        RUN[options.command](options)
        return 0
    except replay.NotAReplay as problem:
        return _fail(str(problem), code=2)
    except CardRefused as refusal:
        return _fail(str(refusal))
    except (CallFailed, Disconnected, InvalidHandshake, OSError) as error:  # a TimeoutError is an OSError
        return _fail(_sentence(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="Virtual OCPP chargers.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo_ = commands.add_parser("demo", help="run the demo's chargers, one of them charging")
    demo_.add_argument("--file", type=Path, required=True, help="a CSV file: identity,name,password")
    demo_.add_argument("--url", required=True, help=URL_HELP)
    charge = commands.add_parser(
        "charge", help="run one charger that charges a car until Ctrl-C, a stop, or it is full"
    )
    _add_charger(charge)
    charge.add_argument("--card", required=True, help="the id of the card that starts the session")
    replay_ = commands.add_parser("replay", help="play a file of `flask --app app frames export`")
    replay_.add_argument("file", type=Path)
    _add_charger(replay_)
    replay_.add_argument("--card", default="", help="a card's id in place of the session's stand-in, STAND-IN-1")
    replay_.add_argument("--speed", type=float, default=0, help="1 as it was, 10 ten times as fast; default: at once")
    return parser


def _add_charger(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", required=True, help=URL_HELP)
    parser.add_argument("--identity", required=True, help="the identity of the charger")
    parser.add_argument("--key", required=True, help="its key; - reads it from standard input")


def _demo(options: argparse.Namespace) -> None:
    asyncio.run(_until_signal(demo.run(options.file, options.url)))


def _charge(options: argparse.Namespace) -> None:
    asyncio.run(_until_signal(charge_one_car(options.url, options.identity, _key(options), options.card)))


def _replay(options: argparse.Namespace) -> None:
    steps = replay.load(options.file, options.card)
    player = replay.Replay(options.url, options.identity, _key(options), steps, speed=max(0.0, options.speed))
    played = asyncio.run(player.run())
    print(f"{played.sent} frames were sent; {played.answered} were answered, {played.refused} refused.")


RUN = {"demo": _demo, "charge": _charge, "replay": _replay}


def _key(options: argparse.Namespace) -> str:
    key: str = sys.stdin.readline().rstrip("\r\n") if options.key == "-" else options.key
    return key


async def _until_signal(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return


def _sentence(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "The bridge did not answer in time."
    if isinstance(error, CallFailed):
        return f"The bridge answered with an error: {error}"
    return f"The connection failed: {str(error) or type(error).__name__}"


def _fail(sentence: str, code: int = 1) -> int:
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
