"""What is slow, full, closed or failing holds up nobody else, and nothing piles up for it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis

from polaris.push import hub as hub_module
from polaris.push.hub import WORKERS, Hub
from tests.support.boards import Board
from tests.support.cast import Cast
from tests.support.pages import Open, direct, relayed
from tests.support.wait import eventually

pytestmark = pytest.mark.parametrize("open_", [direct, relayed], indirect=True)

LARGE = 200_000  # bytes
MANY = 100
FOREVER_S = 3600.0


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_slow_browser_gets_snapshot(
    hub: Hub, open_: Open, people: Cast, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "READ_TIMEOUT_S", FOREVER_S)  # it only falls behind, however slow the machine
    board = Board(size=LARGE)
    page, other = open_(board, people.ada), open_(board, people.ben)
    assert page.shows("revision 0")
    for revision in range(1, MANY + 1):
        board.change(client)
        assert other.shows(f"revision {revision}.")
    page.heard.clear()
    assert page.shows(f"revision {MANY}.")
    assert page.heard.count("") < MANY / 2  # what the kernel held, one begun event, and the snapshot
    board.change(client)
    assert page.shows(f"revision {MANY + 1}.")


def test_stalled_browser_cut_off(
    hub: Hub, open_: Open, people: Cast, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "READ_TIMEOUT_S", 5.0)  # no stall of the machine is taken for sleep
    board = Board(size=LARGE)
    page, other = open_(board, people.ada, sign_in_id="asleep"), open_(board, people.ben, sign_in_id="awake")
    assert page.shows("revision 0")

    def is_cut_off() -> bool:
        board.change(client)
        assert other.shows(f"revision {board.revision}.")
        return "asleep" not in devices(hub)

    eventually(is_cut_off, timeout_s=60)
    assert "awake" in devices(hub)
    assert other.shows(f"revision {board.revision}.")
    assert page.ends()


def test_slow_read_delays_own_page_only(hub: Hub, open_: Open, people: Cast, client: redis.Redis) -> None:
    slow = [Board() for _ in range(WORKERS - 1)]
    quick = Board()
    late, page = [open_(board, people.ada) for board in slow], open_(quick, people.ben)
    for one in (*late, page):
        assert one.shows("revision 0")
    for board in slow:
        board.gate.clear()
        board.change(client)
    eventually(lambda: all(board.reads >= 2 for board in slow))
    for revision in range(1, 10):
        quick.change(client)
        assert page.shows(f"revision {revision}.")  # the others wait until they are let
    assert page.hears("heartbeat")
    for board in slow:
        board.gate.set()
    for one in late:
        assert one.shows("revision 1")


def test_burst_read_together(hub: Hub, open_: Open, people: Cast, client: redis.Redis) -> None:
    board = Board(pace_s=0.5)
    page = open_(board, people.ada)
    assert page.shows("revision 0")
    before, began = board.reads, time.monotonic()
    for _ in range(MANY):
        board.change(client)
    assert page.shows(f"revision {MANY}.")
    assert board.reads - before <= 2 + (time.monotonic() - began) / board.pace_s


def test_failed_read_retried(hub: Hub, open_: Open, people: Cast, client: redis.Redis) -> None:
    board = Board(failures=1)
    page = open_(board, people.ada)
    assert page.shows("revision 0")
    board.failures = 1
    board.change(client)
    assert page.shows("revision 1.")


def test_heartbeat_announces_interval_and_spread(hub: Hub, open_: Open, people: Cast) -> None:
    pages = [open_(Board(), people.ada) for _ in range(3)]
    for page in pages:
        assert page.hears("heartbeat")
        assert page.last == "0.5 1"


def test_closed_tab_noticed(hub: Hub, open_: Open, people: Cast) -> None:
    page = open_(Board(), people.ada, sign_in_id="phone")
    assert page.shows("revision 0")
    page.close()
    eventually(lambda: not devices(hub))


def devices(hub: Hub) -> set[str]:
    """Those that have a stream."""
    with hub._lock:
        return {subscriber.browser.sign_in_id for subscriber in hub._poller.subscribers()}
