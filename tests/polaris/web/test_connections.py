"""Who gives way when there are too many connections."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from polaris.web import connections
from polaris.web.connections import MAX_PER_NETWORK, Connections


class Client:
    def __init__(self, all_: Connections, stack: ExitStack, network: str | None = "192.0.2.1") -> None:
        self.was_cut = False
        self.connection = stack.enter_context(all_.opened(network, self.cut))

    def cut(self) -> None:
        assert not self.was_cut
        self.was_cut = True


def test_oldest_of_the_same_network_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = Connections(10 * MAX_PER_NETWORK)
    with ExitStack() as stack:
        other = Client(bound, stack, "2001:db8::/64")
        clients = [Client(bound, stack) for _ in range(MAX_PER_NETWORK + 2)]
        bound.sweep()
        assert not any(client.was_cut for client in clients)  # it may be a burst
        monkeypatch.setattr(connections, "BURST_S", 0.0)
        bound.sweep()
        assert [client.was_cut for client in clients[:4]] == [True, True, False, False]
        assert not other.was_cut
        assert len(bound) == MAX_PER_NETWORK + 1
    assert len(bound) == 0
    assert not bound._by_network


def test_proxy_shares_the_bound_of_all() -> None:
    bound = Connections(MAX_PER_NETWORK + 5)
    with ExitStack() as stack:
        clients = [Client(bound, stack, None) for _ in range(MAX_PER_NETWORK + 6)]
        assert [client.was_cut for client in clients[:2]] == [True, False]


def test_answered_gives_way_only_when_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = Connections(1)
    with ExitStack() as stack:
        first = Client(bound, stack)
        stack.enter_context(bound.answering(first.connection))
        second = Client(bound, stack)
        assert not first.was_cut
        stack.enter_context(bound.answering(second.connection))
        monkeypatch.setattr(connections, "SLOW_AFTER_S", 0.0)
        Client(bound, stack)
        assert (first.was_cut, second.was_cut) == (True, False)


def test_answered_waits_again_and_is_the_newest() -> None:
    bound = Connections(2)
    with ExitStack() as stack:
        first, second = Client(bound, stack), Client(bound, stack)
        with bound.answering(first.connection):
            pass
        Client(bound, stack)
        assert (first.was_cut, second.was_cut) == (False, True)


def test_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = Connections(10)
    with ExitStack() as stack:
        waiting, answered = Client(bound, stack), Client(bound, stack)
        stack.enter_context(bound.answering(answered.connection))
        bound.sweep()
        assert not waiting.was_cut
        monkeypatch.setattr(connections, "WAITING_TIMEOUT_S", 0.0)
        bound.sweep()
        assert (waiting.was_cut, answered.was_cut) == (True, False)
        monkeypatch.setattr(connections, "ANSWER_TIMEOUT_S", 0.0)
        bound.sweep()
        assert answered.was_cut
        assert len(bound) == 0


def test_uncounted_is_never_cut_and_waits_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream under gunicorn's own TLS is answered for as long as it is read."""
    bound, cut = Connections(10), list[int]()
    at = [1000.0]
    monkeypatch.setattr("polaris.web.connections.time.monotonic", lambda: at[0])
    with bound.opened("a", lambda: cut.append(1)) as connection:
        with bound.uncounted(connection):
            at[0] += 3600
            bound.sweep()
            assert not cut
        bound.sweep()
        assert (cut, len(bound)) == ([], 1)
        at[0] += 31
        bound.sweep()
        assert (cut, len(bound)) == ([1], 0)
        with bound.uncounted(connection):
            pass
        assert len(bound) == 0


@pytest.mark.parametrize("is_read", [True, False])
def test_answer_in_pieces_has_its_time_for_each(is_read: bool) -> None:
    bound = Connections(2)
    with ExitStack() as stack:
        client = Client(bound, stack)
        stack.enter_context(bound.answering(client.connection))
        client.connection.since -= connections.ANSWER_TIMEOUT_S
        if is_read:
            connections.give_more_time()
        bound.sweep()
        assert client.was_cut is not is_read
    connections.give_more_time()  # of no answer
