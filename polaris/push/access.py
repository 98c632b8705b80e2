"""Access checks of open streams: is the device still signed in, and what is its account's role and status?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from peewee import chunked

from polaris import administration, pubsub
from polaris.commissioning import links
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.sign_ins import Lifetimes
from polaris.domain.viewer import Viewer
from polaris.models import Account, SignIn, blocking
from polaris.push import error_boundary
from polaris.push.subscribers import Subscriber

# Without it, a device that is signed out while Redis is away would keep its streams.
RECHECK_INTERVAL_S = 10.0
RETRY_INTERVAL_S = 1.0  # without it, checks during a database outage would fail in a busy loop
DEVICES_PER_QUERY = 250


@dataclass(frozen=True, slots=True)
class StreamDevice:
    """A signed-in device, as far as streams need to know it."""

    account_id: int
    viewer: Viewer


# What is no account: a wall, or an electrician's link.
WALL = StreamDevice(pubsub.WALLS_ACCOUNT, Viewer(None, AccountStatus.ACTIVE))


class AccessChecks:
    """Look-ups of devices, on request and regularly, in a thread of their own, since they wait for the database.

    `on_checked(subscriber, device)` is called under the lock; the device is None if it is signed out.
    """

    def __init__(
        self,
        lock: AbstractContextManager[Any],
        subscribers: Callable[[], list[Subscriber]],
        on_checked: Callable[[Subscriber, StreamDevice | None], None],
        lifetimes: Lifetimes,
    ) -> None:
        self._lock = lock
        self._subscribers = subscribers
        self._on_checked = on_checked
        self._lifetimes = lifetimes
        self._requested: set[Subscriber] = set()
        self._wake = threading.Event()
        self._is_closed = threading.Event()

    def request(self, subscribers: Iterable[Subscriber]) -> None:
        """Have the devices of these subscribers checked soon. Call it under the lock."""
        self._requested.update(subscribers)
        if self._requested:
            self._wake.set()

    def discard(self, subscriber: Subscriber) -> None:
        self._requested.discard(subscriber)

    def close(self) -> None:
        """End `run`."""
        self._is_closed.set()
        self._wake.set()

    def run(self) -> None:
        """Check until closed."""
        checked_at = monotonic()
        while not self._is_closed.is_set():
            self._wake.wait(max(0.0, checked_at + RECHECK_INTERVAL_S - monotonic()))
            self._wake.clear()
            with self._lock:
                if checked_at + RECHECK_INTERVAL_S <= monotonic():
                    checked_at = monotonic()
                    self._requested.update(self._subscribers())
                requested, self._requested = self._requested, set()
            for chunk in chunked(requested, DEVICES_PER_QUERY):
                if not error_boundary.run(lambda: self._check(chunk)):  # noqa: B023 - it is called at once
                    self._is_closed.wait(RETRY_INTERVAL_S)
                    with self._lock:
                        self.request(chunk)

    def _check(self, subscribers: Iterable[Subscriber]) -> None:
        sign_in_ids = {subscriber.browser.sign_in_id for subscriber in subscribers}
        found = devices(sign_in_ids, self._lifetimes, now=datetime.now(UTC))
        with self._lock:
            for subscriber in subscribers:
                if subscriber.is_open:
                    self._on_checked(subscriber, found.get(subscriber.browser.sign_in_id))


@blocking
def devices(sign_in_ids: Iterable[str], lifetimes: Lifetimes, *, now: datetime) -> dict[str, StreamDevice]:
    """Return those of the devices that are still signed in, and of the walls and links that are still open."""
    ids = list(sign_in_ids)
    query = (
        SignIn.select(SignIn, Account.role, Account.status)
        .join(Account)
        .where(SignIn.id.in_(ids), SignIn.revoked_at.is_null())
    )
    found: dict[str, StreamDevice] = {}
    for row in query:
        role, status = Role(row.account.role), AccountStatus(row.account.status)
        if not lifetimes.is_over(role, row.created_at, row.last_seen_at, now):
            found[row.id] = StreamDevice(row.account_id, Viewer(role, status))
    others = set(ids) - found.keys()
    passes = [*administration.open_until(others, now), *links.still_open(others, now)]
    return found | dict.fromkeys(passes, WALL)
