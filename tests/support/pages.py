"""Streams without a browser: the other end of a connection, and what a page would show of it."""

from __future__ import annotations

import itertools
import os
import re
import socket
import threading
from collections.abc import Callable, Iterable

from polaris import models
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.viewer import Viewer
from polaris.models import SignIn
from polaris.push.access import WALL
from polaris.push.gunicorn_takeover import Relay
from polaris.push.hub import Hub
from polaris.push.subscribers import Browser
from polaris.push.topic import Topic
from tests.support.cast import Person, now
from tests.support.swapping import element, swapped
from tests.support.wait import WITHIN_S, eventually

PARTIAL = re.compile(r'<hx-partial hx-target="#([^"]+)" hx-swap="outerMorph">(.*?)</hx-partial>', re.DOTALL)
REVISION = re.compile(r'\s*<[^>]*data-revision="(\d+)"')  # of the root: a list has rows of any revision

_numbers = itertools.count()

Join = Callable[[Callable[[int], None]], socket.socket]


class Stream:
    """What comes over a connection: `shown` is the newest of each fragment, `everything` all that ever came; `heard` is
    every event's type in order, and `last` the data of the last that has one."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(0.05)
        self.connection = connection
        self.shown: dict[str, str] = {}
        self.everything: list[str] = []
        self.heard: list[str] = []
        self.last = ""
        self.is_over = False
        self._begun = b""  # an event that has not come to its end, perhaps in the middle of a letter

    def take_all(self) -> None:
        """Take all that has come."""
        while self._take_some() and not self.is_over:
            pass

    def take(self) -> None:
        """Take what has come, or notice that nothing has."""
        self._take_some()

    def _take_some(self) -> bool:
        try:
            received = self.connection.recv(1 << 16)
        except TimeoutError:
            return False
        except ConnectionResetError:
            received = b""
        self.is_over = not received
        *events, self._begun = (self._begun + received).split(b"\n\n")
        for event in events:
            self._take_event(event.decode())
        return True

    def shows(self, text: str, *, in_: str = "", timeout_s: float = WITHIN_S) -> bool:
        """Whether a fragment comes to show a text."""

        def is_shown() -> bool:
            self.take()
            return any(text in html for root_id, html in self.shown.items() if in_ in root_id)

        return eventually(is_shown, timeout_s=timeout_s)

    def hears(self, kind: str, *, timeout_s: float = WITHIN_S) -> bool:
        """Whether an event of this type comes, after those that were heard."""
        before = len(self.heard)
        return eventually(lambda: self.take() or kind in self.heard[before:], timeout_s=timeout_s)

    def ends(self, *, timeout_s: float = WITHIN_S) -> bool:
        return eventually(lambda: self.take() or self.is_over, timeout_s=timeout_s)

    def _take_event(self, event: str) -> None:
        lines = [line.partition(":") for line in event.split("\n")]
        kind = next((value for name, _, value in lines if name == "event"), "")
        kind = "" if kind.isdigit() else kind  # fragments: the number of their topic
        self.heard.append(kind)
        data = "\n".join(value for name, _, value in lines if name == "data")
        if kind:
            self.last = data
            return
        for root_id, html in PARTIAL.findall(data):
            self._show(root_id, html)

    def _show(self, root_id: str, html: str) -> None:
        """No fragment ever goes back to an older revision. One inside of another takes its place there."""
        outer = next(
            (name for name, shown in self.shown.items() if f' id="{root_id}"' in shown and name != root_id), ""
        )
        shown = element(self.shown[outer], root_id) if outer else self.shown.get(root_id, "")
        assert _revision(html) >= _revision(shown), f"{root_id} went backwards"
        if outer:
            self.shown[outer] = swapped(self.shown[outer], root_id, html)
        for name in [name for name in self.shown if f' id="{name}"' in html]:
            del self.shown[name]
        self.shown[root_id] = html
        self.everything.append(html)


class StreamClient(Stream):
    """A browser's side of a stream, joined to a hub in this process."""

    def __init__(
        self,
        hub: Hub,
        topic: Topic,
        person: Person,
        join: Join,
        *,
        others: Iterable[Topic] = (),
        role: Role = Role.DRIVER,
        sign_in_id: str = "",
        link_hash: str = "",  # of a browser that is no account's
    ) -> None:
        self.sign_in_id = sign_in_id or f"{person.id}-{next(_numbers)}"
        device = {"account": person.id, "user_agent": "", "created_at": now(), "last_seen_at": now()}
        with models.database.connection_context():
            SignIn.get_or_create(id=self.sign_in_id, defaults=device)
        browser = Browser("127.0.0.1", self.sign_in_id, person.id, Viewer(role, AccountStatus.ACTIVE))
        if link_hash:
            browser = Browser("127.0.0.1", link_hash, WALL.account_id, WALL.viewer)
        topics = {str(n): topic for n, topic in enumerate((topic, *others))}
        super().__init__(join(lambda fd: hub.join(topics, (), browser, fd)))

    def close(self) -> None:
        self.connection.close()


Open = Callable[..., StreamClient]


def direct(give: Callable[[int], None]) -> socket.socket:
    """The hub has the connection itself, as it has under gunicorn."""
    servers, browsers = connected()
    servers.setblocking(False)
    give_or_close(give, servers.detach(), browsers)
    return browsers


def relayed(give: Callable[[int], None]) -> socket.socket:
    """A server stands between them, and writes the body of its response as any WSGI server does."""
    servers, browsers = connected()
    relay = Relay()
    give_or_close(give, relay.fd, servers, browsers, relay)
    threading.Thread(target=_serve, args=(relay, servers), daemon=True).start()
    return browsers


def give_or_close(give: Callable[[int], None], fd: int, *others: socket.socket | Relay) -> None:
    """Give a connection away; if it is not taken, nothing stays open."""
    try:
        give(fd)
    except BaseException:
        os.close(fd)
        for other in others:
            other.close()
        raise


def connected() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        browsers = socket.create_connection(server.getsockname())
        servers, _ = server.accept()
    return servers, browsers


def _serve(relay: Relay, connection: socket.socket) -> None:
    with connection:
        try:
            for part in relay:
                connection.sendall(part)
        except OSError:
            pass  # the browser is gone
        finally:
            relay.close()


def _revision(html: str) -> int:
    found = REVISION.match(html)
    return int(found[1]) if found else 0
