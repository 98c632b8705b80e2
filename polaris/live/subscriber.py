"""One open page: what it has to be sent, and whether it may stay open. It holds one page's fragments, never more."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from polaris.live.fragments import Fragments
from polaris.live.snapshot import Device
from polaris.live.topics import Topic


class Subscriber:
    """The newest rendering of each fragment waits here until the page takes it; older ones are replaced."""

    def __init__(self, topic: Topic, sign_in_id: str, device: Device) -> None:
        self.topic = topic
        self.sign_in_id = sign_in_id
        self.account_id = device.account_id
        self.viewer = device.viewer
        self._sent: Fragments = {}
        self._pending: Fragments = {}
        self._is_over = False
        self._news = threading.Condition()

    def offer(self, fragments: Fragments) -> None:
        """Hand over renderings; those that the page has already are left out."""
        with self._news:
            for root_id, html in fragments.items():
                if self._sent.get(root_id) == html:
                    self._pending.pop(root_id, None)
                else:
                    self._pending[root_id] = html
            if self._pending:
                self._news.notify()

    def end(self) -> None:
        """Tell the page that its stream is over, for good."""
        with self._news:
            self._is_over = True
            self._news.notify()

    def events(self, heartbeat_s: float) -> Iterator[Fragments | None]:
        """Fragments to send, None for a heartbeat; ends when the page may not watch any longer."""
        while True:
            with self._news:
                self._news.wait_for(lambda: self._pending or self._is_over, heartbeat_s)
                if self._is_over:
                    return
                fragments, self._pending = self._pending, {}
                self._sent |= fragments
            yield fragments or None
