"""Replays a file of `flask --app app frames export` to a bridge, or a recording, which has a header before it.

A central system assigns its own transaction ids (OCPP 1.6), so recorded ids are replaced by those assigned during the
replay. A CALL from the bridge gets the next recorded answer to the same Action, or NotSupported if there is none.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.connection import CALL, CALLERROR, CALLRESULT, CallFailed, ChargerConnection, Disconnected, Payload

SEND = 6
OWN_CARD = "STAND-IN-1"  # the stand-in of the session's card


class NotAReplay(ValueError):
    """A file that is no export; its text names the line."""


@dataclass(frozen=True)
class Step:
    """A line of the file; `message` is the parsed `frame`, None if it is no OCPP-J message."""

    offset_s: float
    direction: str
    frame: str
    message: list[Any] | None


@dataclass
class Played:
    """The number of frames that were sent, answered and refused."""

    sent: int = 0
    answered: int = 0
    refused: int = 0


def load(file: Path, card: str = "") -> list[Step]:
    """Read a file; `card` replaces the stand-in of the session's card. Raise `NotAReplay`."""
    steps = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            if number == 1 and "recording" in entry:
                continue
            frame = entry["frame"].replace(f'"{OWN_CARD}"', json.dumps(card)) if card else entry["frame"]
            steps.append(Step(float(entry["offset_s"]), entry["direction"], frame, _message(frame)))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise NotAReplay(f"Line {number} is not one of `frames export`.") from None
    return steps


class Replay:
    """A replay of one file as one charger; `speed` is a factor of the recorded speed, 0 for as fast as possible.

    `on_sent` is called after each frame that was sent, once its answer has come.
    """

    def __init__(
        self,
        url: str,
        identity: str,
        key: str | bytes,
        steps: list[Step],
        *,
        speed: float = 0,
        on_sent: Callable[[], None] = lambda: None,
    ) -> None:
        self._address = url, identity, key
        self._steps, self._speed, self._on_sent = steps, speed, on_sent
        self._connection: ChargerConnection | None = None
        self._transactions: dict[str, int] = {}  # recorded id, as text → assigned id
        self._recorded_answers = _answers_received(steps)
        self._answers = _answers_sent(steps)
        self.played = Played()

    async def run(self) -> Played:
        """Replay the file. Raise `Disconnected` if the connection ends, TimeoutError if an answer does not come."""
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
        elif step.direction == "in" and _kind(step) not in (CALLRESULT, CALLERROR):  # answers are sent by `_answer`
            await self._send(index, step)
            self._on_sent()

    async def _open(self, subprotocol: str) -> None:
        await self._close()
        self._connection = ChargerConnection(
            *self._address, self._answer, subprotocols=(subprotocol,), reconnects=False
        )
        await self._connection.open()

    async def _close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _send(self, index: int, step: Step) -> None:
        if self._connection is None:
            raise Disconnected
        self.played.sent += 1
        recorded = self._recorded_answers[index]
        frame = self._renamed(step)
        if recorded is None or step.message is None:
            await self._connection.send_raw(frame)
            return
        try:
            answer = await self._connection.exchange(step.message[1], frame)
        except CallFailed:
            self.played.refused += 1
            return
        self.played.answered += 1
        if recorded[0] == CALLRESULT and "transactionId" in recorded[2] and "transactionId" in answer:
            self._transactions[str(recorded[2]["transactionId"])] = answer["transactionId"]

    def _renamed(self, step: Step) -> str:
        """Return the frame with the assigned transaction id in place of the recorded one."""
        *head, payload = step.message or [None]
        recorded = payload.get("transactionId") if isinstance(payload, dict) else None
        if (assigned := self._transactions.get(str(recorded))) is None:
            return step.frame
        renamed = str(assigned) if isinstance(recorded, str) else assigned  # some chargers send it as text
        return json.dumps([*head, payload | {"transactionId": renamed}])

    async def _answer(self, action: str, _: Payload, message_id: str) -> None:
        assert self._connection is not None
        recorded = self._answers[action]
        if not recorded:
            await self._connection.send_error(message_id, "NotSupported")
        elif (answer := recorded.popleft())[0] == CALLRESULT:
            await self._connection.send_result(message_id, answer[2])
        else:
            await self._connection.send_error(message_id, str(answer[2]))


def _answers_sent(steps: Iterable[Step]) -> defaultdict[str, deque[list[Any]]]:
    """Collect the charger's answers by Action, in order."""
    actions: dict[str, str] = {}
    answers: defaultdict[str, deque[list[Any]]] = defaultdict(deque)
    for step in steps:
        if step.message is None:
            continue
        if step.direction == "out" and _kind(step) == CALL:
            actions[step.message[1]] = str(step.message[2])
        elif step.direction == "in" and _kind(step) in (CALLRESULT, CALLERROR) and step.message[1] in actions:
            answers[actions.pop(step.message[1])].append(step.message)
    return answers


def _answers_received(steps: list[Step]) -> list[list[Any] | None]:
    """Return the recorded answer to each step; None if there is none, so that the replay does not wait for one."""
    later: dict[str, list[Any]] = {}
    answers: list[list[Any] | None] = []
    for step in reversed(steps):
        answer = None
        if step.message is not None and step.direction == "out" and _kind(step) in (CALLRESULT, CALLERROR):
            later[step.message[1]] = step.message
        elif step.message is not None and step.direction == "in" and _kind(step) == CALL:
            answer = later.pop(step.message[1], None)
        answers.append(answer)
    return answers[::-1]


def _kind(step: Step) -> object:
    return None if step.message is None else step.message[0]


def _message(frame: str) -> list[Any] | None:
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    is_frame = isinstance(message, list) and len(message) >= 3 and isinstance(message[1], str)
    return message if is_frame else None
