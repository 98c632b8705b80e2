"""Plays a file of `flask --app app frames export` against a bridge: what the charger said then, it says again.

The new central system gives transactions ids of its own (OCPP 1.6), so each frame names the one that was given now.
Calls of the central system get the answer that the charger gave to the same action then, or none that it supports.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.connection import CALL, CALLERROR, CALLRESULT, CallFailed, Connection, Disconnected, Payload

SEND = 6
OWN_CARD = "STAND-IN-1"  # the stand-in of the session's card


class NotAReplay(ValueError):
    """The file is not one of an export; its text says which line."""


@dataclass(frozen=True)
class Step:
    """A line of the file; `frame` read as JSON is `message`, None where it is not a frame."""

    offset_s: float
    direction: str
    frame: str
    message: list[Any] | None


@dataclass
class Played:
    """What came of it."""

    sent: int = 0
    answered: int = 0
    refused: int = 0


def load(file: Path, card: str = "") -> list[Step]:
    """Read a file; `card` takes the place of the session's card. Raise `NotAReplay`."""
    steps = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            read = json.loads(line)
            frame = read["frame"].replace(f'"{OWN_CARD}"', json.dumps(card)) if card else read["frame"]
            steps.append(Step(float(read["offset_s"]), read["direction"], frame, _message(frame)))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise NotAReplay(f"Line {number} is not one of `frames export`.") from None
    return steps


class Replay:
    """One file against one charger of a bridge. `speed` 1 is as it was, 10 ten times as fast, 0 as fast as it goes."""

    def __init__(self, url: str, identity: str, key: str | bytes, steps: list[Step], *, speed: float = 0) -> None:
        self._address = url, identity, key
        self._steps, self._speed = steps, speed
        self._connection: Connection | None = None
        self._transactions: dict[Any, Any] = {}  # then → now
        self._answers_then = _answers_got(steps)
        self._answers = _answers_given(steps)
        self.played = Played()

    async def run(self) -> Played:
        """Play it to its end. Raise `Disconnected` where the connection ends, TimeoutError where it is silent."""
        began = asyncio.get_running_loop().time()
        try:
            for index, step in enumerate(self._steps):
                if self._speed:
                    at = began + step.offset_s / self._speed
                    await asyncio.sleep(at - asyncio.get_running_loop().time())
                await self._play(index, step)
        finally:
            await self._close()
        return self.played

    async def _play(self, index: int, step: Step) -> None:
        if step.direction == "open":
            await self._open(step.frame)
        elif step.direction == "close":
            await self._close()
        elif step.direction == "in" and _kind(step) not in (CALLRESULT, CALLERROR):  # those answer when they are asked
            await self._say(index, step)

    async def _open(self, subprotocol: str) -> None:
        await self._close()
        self._connection = Connection(*self._address, self._answer, subprotocols=(subprotocol,), reconnects=False)
        await self._connection.open()

    async def _close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _say(self, index: int, step: Step) -> None:
        if self._connection is None:
            raise Disconnected
        self.played.sent += 1
        then = self._answers_then[index]
        frame = self._renamed(step)
        if then is None or step.message is None:
            await self._connection.send_raw(frame)
            return
        try:
            now = await self._connection.exchange(step.message[1], frame)
        except CallFailed:
            self.played.refused += 1
            return
        self.played.answered += 1
        if then[0] == CALLRESULT and "transactionId" in then[2] and "transactionId" in now:
            self._transactions[then[2]["transactionId"]] = now["transactionId"]

    def _renamed(self, step: Step) -> str:
        """The frame with the transaction's id of now."""
        *head, payload = step.message or [None]
        if not isinstance(payload, dict) or payload.get("transactionId") not in self._transactions:
            return step.frame
        return json.dumps([*head, payload | {"transactionId": self._transactions[payload["transactionId"]]}])

    async def _answer(self, action: str, _: Payload, message_id: str) -> None:
        assert self._connection is not None
        given = self._answers[action]
        if not given:
            await self._connection.send_error(message_id, "NotSupported")
        elif (answer := given.popleft())[0] == CALLRESULT:
            await self._connection.send_result(message_id, answer[2])
        else:
            await self._connection.send_error(message_id, str(answer[2]))


def _answers_given(steps: Iterable[Step]) -> defaultdict[str, deque[list[Any]]]:
    """What the charger answered to each action, in order."""
    asked: dict[str, str] = {}
    given: defaultdict[str, deque[list[Any]]] = defaultdict(deque)
    for step in steps:
        if step.message is None:
            continue
        if step.direction == "out" and _kind(step) == CALL:
            asked[step.message[1]] = str(step.message[2])
        elif step.direction == "in" and _kind(step) in (CALLRESULT, CALLERROR) and step.message[1] in asked:
            given[asked.pop(step.message[1])].append(step.message)
    return given


def _answers_got(steps: list[Step]) -> list[list[Any] | None]:
    """What the central system answered to each step; None where it gave none, so that none is waited for now."""
    later: dict[str, list[Any]] = {}
    got: list[list[Any] | None] = []
    for step in reversed(steps):
        answer = None
        if step.message is not None and step.direction == "out" and _kind(step) in (CALLRESULT, CALLERROR):
            later[step.message[1]] = step.message
        elif step.message is not None and step.direction == "in" and _kind(step) == CALL:
            answer = later.pop(step.message[1], None)
        got.append(answer)
    return got[::-1]


def _kind(step: Step) -> object:
    return None if step.message is None else step.message[0]


def _message(frame: str) -> list[Any] | None:
    try:
        read = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    is_frame = isinstance(read, list) and len(read) >= 3 and isinstance(read[1], str)
    return read if is_frame else None
