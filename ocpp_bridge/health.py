"""Health port: `/healthz` checks that the process serves, `/readyz` also that its database and Redis answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from polaris.bounded_log import bounded

REQUEST_TIMEOUT_S = 5.0
CHECK_TIMEOUT_S = 3.0
PROBE_INTERVAL_S = 2.0  # without it, anybody who asks could keep the database busy with probes
MAX_REQUEST_BYTES = 4096
MAX_CONNECTIONS = 32  # at once; the oldest is closed for a new one, so that silent ones use up no files

log = logging.getLogger(__name__)
unanswered = bounded(f"{__name__}.unanswered")


class Health:
    """HTTP server for health checks. `checks` run in a thread, one at a time; each raises if its service is gone."""

    def __init__(self, *checks: Callable[[], object]) -> None:
        self._checks = checks
        # Of its own: a probe that waits for a lock would take the place of lookups, and so stop all admissions.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._probe: asyncio.Future[None] | None = None
        self._probed_at = 0.0
        self._connections: dict[asyncio.StreamWriter, None] = {}  # the oldest first

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Begin to answer. Raise OSError if the port is taken."""
        return await asyncio.start_server(self._serve, host, port, limit=MAX_REQUEST_BYTES)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections[writer] = None
        if len(self._connections) > MAX_CONNECTIONS:
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            oldest.transport.abort()
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._response(request.split()[:2]))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            unanswered.info("A health check was not answered: %r", error)
        finally:
            self._connections.pop(writer, None)
            writer.close()

    async def _response(self, request: list[bytes]) -> bytes:
        if request == [b"GET", b"/healthz"]:
            return _http("200 OK", "ok")
        if request == [b"GET", b"/readyz"]:
            return _http("200 OK", "ready") if await self._is_ready() else _http("503 Service Unavailable", "not ready")
        return _http("404 Not Found", "not found")

    async def _is_ready(self) -> bool:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await asyncio.shield(self._latest_probe())
        except Exception as error:  # of any kind: a service does not answer
            log.info("Not ready: %s", error)
            return False
        return True

    def _latest_probe(self) -> asyncio.Future[None]:
        """Return the probe under way, or the last one if it is new enough, else begin another."""
        loop = asyncio.get_running_loop()
        probe = self._probe
        if probe is None or (probe.done() and loop.time() - self._probed_at >= PROBE_INTERVAL_S):
            self._probed_at = loop.time()
            probe = self._probe = loop.run_in_executor(self._thread, self._check)
            probe.add_done_callback(lambda done: done.cancelled() or done.exception())  # all who asked may be gone
        return probe

    def _check(self) -> None:
        for check in self._checks:
            check()


def _http(status: str, text: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(text) + 1}\r\nConnection: close"
    return f"{head}\r\n\r\n{text}\n".encode()
