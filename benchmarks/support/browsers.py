"""The browsers: thousands of event streams on raw sockets, in a process of its own, as cheap as Python allows.

`Browsers` controls it; `python -m benchmarks.support.browsers` is the process: an epoll loop that takes commands as
lines of JSON and answers each with one. It works with any server: an event counts for a browser once its marker and the
blank line that ends it have arrived.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.support.json_process import JsonProcess

END = (b"\n\n", b"\n\n\r\n", b"\r\n\r\n")  # of an event, of an event in a chunk, of a head
BUFFER = 1 << 18
TIMEOUT_S = 120.0
REVISION = re.compile(rb'data-revision="(\d+)"')


class Browsers(JsonProcess):
    """The process of the browsers, on a core if one is given. It ends if an expected event does not arrive in time."""

    def __init__(self, core: int | None) -> None:
        super().__init__("benchmarks.support.browsers", *([] if core is None else [str(core)]))

    def open(self, port: int, requests: Sequence[tuple[str, str]], *, is_answered: bool = True) -> None:
        """Open a stream for each path and cookie; if the server answers at once, wait for the heads."""
        self._do("open", port=port, requests=requests, is_answered=is_answered)

    def expect(self, marker: str, since: float) -> None:
        """Start waiting until all browsers have the event with a marker, published at `since`; `collect` returns."""
        self.send(["all_have", {"marker": marker, "since": since}])

    def collect(self) -> tuple[float, float]:
        """Return when the first and when the last browser had the event."""
        first, last = self.answer()
        return first, last

    def begin(self) -> None:
        """Discard the figures so far."""
        self._do("begin")

    def follow(self, schedule: dict[str, Any], until: float) -> None:
        """Start taking events until an instant; `answer` waits for it. See `Loop.follow`."""
        self.send(["follow", schedule | {"until": until}])

    def figures(self) -> dict[str, Any]:
        """Return the figures since `begin`."""
        figures: dict[str, Any] = self._do("figures")
        return figures

    def _do(self, name: str, **arguments: Any) -> Any:
        self.send([name, arguments])
        return self.answer()


class Loop:
    """The process behind `Browsers`: each of its public methods is a command."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._order: list[int] = []  # of the browsers' file descriptors
        self._sockets: dict[int, socket.socket] = {}
        self._receive: dict[int, Callable[..., int]] = {}
        self._begun: dict[int, bytes] = {}  # incomplete events
        self._buffer = bytearray(BUFFER)
        self._rounds = 0
        self._has: dict[int, int] = {}  # the last round whose event a browser has
        self.begin()

    def begin(self) -> None:
        self._latencies = array("d")
        self._lasts: dict[int, float] = {}
        self._bytes = 0
        self._pushes = 0
        self._began = time.perf_counter()
        self._cpu = time.process_time()

    def open(self, port: int, requests: list[tuple[str, str]], is_answered: bool) -> int:
        opened = []
        for path, cookie in requests:
            browser = socket.create_connection(("127.0.0.1", port))
            head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n"
            browser.sendall(f"{head}Cookie: {cookie}\r\n\r\n".encode())
            browser.setblocking(False)
            self._sockets[browser.fileno()] = browser
            self._receive[browser.fileno()] = browser.recv_into
            self._epoll.register(browser.fileno(), select.EPOLLIN)
            opened.append(browser.fileno())
        self._order += opened
        if is_answered:
            self._read_heads(set(opened))
        return len(self._order)

    def _read_heads(self, waiting: set[int]) -> None:
        heads = dict.fromkeys(waiting, b"")

        def take(fd: int, text: bytes, _: float) -> bool:
            if fd not in waiting:
                return False
            heads[fd] += text
            if b"\r\n\r\n" in heads[fd]:
                if not heads[fd].startswith(b"HTTP/1.1 200 "):
                    raise SystemExit(f"a stream was refused: {heads[fd][:200]!r}")
                waiting.discard(fd)
            return not waiting

        self._pump(take, time.perf_counter() + TIMEOUT_S)
        if waiting:
            raise SystemExit(f"{len(waiting)} streams were not answered")

    def all_have(self, marker: str, since: float) -> tuple[float, float]:
        """Wait until every browser has the event with the marker; return when the first and the last had it."""
        poll, receive, buffer, begun, has = self._epoll.poll, self._receive, self._buffer, self._begun, self._has
        wanted, note, clock = marker.encode(), self._latencies.append, time.perf_counter
        self._rounds += 1
        number, missing, taken = self._rounds, len(self._order), 0
        first = now = 0.0
        while missing:
            if clock() - since > TIMEOUT_S:
                raise SystemExit(f"{missing} of {len(self._order)} browsers never got {marker}")
            for fd, _ in poll(1.0, 1024):
                size = receive[fd](buffer)
                now = clock()
                taken += size
                if fd in begun or not buffer.endswith(END, 0, size):
                    text = self._joined(fd, size)
                    if text is None or wanted not in text:
                        continue
                elif buffer.find(wanted, 0, size) < 0:
                    continue
                if has.get(fd) != number:
                    has[fd] = number
                    first = first or now
                    missing -= 1
                    note(now - since)
        self._bytes += taken
        return first, now

    def follow(
        self,
        *,
        began: float,
        warm_at: float,
        every_s: float,
        step_s: float,
        places: list[int],
        bases: list[int],
        until: float,
    ) -> None:
        """Measure the latency of revisions until an instant.

        Session `place` changes at `began + place * step_s` and every `every_s` from then on, which makes its revisions
        `base + 1` and so on. A newer revision counts for any it overtook. Those due before `warm_at` do not count.
        """
        place_of = dict(zip(self._order, places, strict=True))
        seen = {fd: bases[place] for fd, place in place_of.items()}
        note, lasts = self._latencies.append, self._lasts

        def take(fd: int, text: bytes, now: float) -> bool:
            place = place_of[fd]
            newest = max(map(int, REVISION.findall(text)), default=0)
            for revision in range(seen[fd] + 1, newest + 1):
                turn = revision - bases[place] - 1
                intended = began + place * step_s + turn * every_s
                if intended >= warm_at:
                    note(now - intended)
                    lasts[turn] = max(lasts.get(turn, 0.0), now - intended)
            self._pushes += newest > seen[fd]
            seen[fd] = max(seen[fd], newest)
            return False

        self._pump(take, until)

    def figures(self) -> dict[str, Any]:
        """Return the figures since `begin`; `pushes` counts the events of `follow`, which may carry several changes."""
        seconds = time.perf_counter() - self._began
        return {
            "deliveries": len(self._latencies),
            "bytes": self._bytes,
            "pushes": self._pushes,
            "latency_ms": spread(self._latencies),
            "last_browser_ms": spread(self._lasts.values()),
            "generator_busy": round((time.process_time() - self._cpu) / seconds, 2),
        }

    def _pump(self, take: Callable[[int, bytes, float], bool], until: float) -> None:
        """Pass on whole events as they arrive, until an instant or until `take` returns True."""
        clock = time.perf_counter
        while (left := until - clock()) > 0:
            for fd, _ in self._epoll.poll(min(left, 1.0), 1024):
                size = self._receive[fd](self._buffer)
                now = clock()
                self._bytes += size
                text = self._joined(fd, size)
                if text is not None and take(fd, text, now):
                    return

    def _joined(self, fd: int, size: int) -> bytes | None:
        """Return an event once it is complete, else None."""
        if not size:
            raise SystemExit("the server closed a stream")
        text = self._begun.pop(fd, b"") + self._buffer[:size]
        if text.endswith(END):
            return bytes(text)
        self._begun[fd] = bytes(text)
        return None


def spread(seconds: Any) -> dict[str, float]:
    """Return p50, p99 and the maximum, in milliseconds."""
    times = sorted(seconds)
    if not times:
        return {}
    points = {"p50": times[len(times) // 2], "p99": times[int(len(times) * 0.99)], "max": times[-1]}
    return {name: round(value * 1000, 2) for name, value in points.items()}


def main() -> None:
    if sys.argv[1:]:
        os.sched_setaffinity(0, {int(sys.argv[1])})
    loop = Loop()
    for line in sys.stdin:
        name, arguments = json.loads(line)
        print(json.dumps(getattr(loop, name)(**arguments)), flush=True)


if __name__ == "__main__":
    main()
