"""Clients that send or read slowly, or not at all: they are cut off in time, and are never too many for the others."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from polaris.web.connections import MAX_PER_NETWORK
from polaris.web.static_files import present
from tests.support.processes import Process, Processes
from tests.support.raw_http import connect, exchange, receive, request
from tests.support.wait import eventually

FLOOD = 4 * MAX_PER_NETWORK
STUCK_AFTER_S = 3.0
CUT_WITHIN_S = 90.0  # thirty seconds, on a machine that has other things to do
FORM = "Content-Type: application/x-www-form-urlencoded"
BODILESS = request("POST /sign-in HTTP/1.1", "Host: localhost", FORM, "Content-Length: 100")
PAGE = request("GET /sign-in HTTP/1.1", "Host: localhost")
NEXT = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: PADDING\r\n\r\n"  # whose connection stays open
MANY = 100
READ_BYTES = 8192  # what gunicorn reads at once
STATIC = f"/static/{present().fingerprint}/vendor/htmx.org@4.0.1/htmx.min.js"


def unread(client: socket.socket) -> int:
    """How many bytes the server's system holds for a client that does not read them."""
    ours, theirs = (f":{address[1]:04X}" for address in (client.getsockname(), client.getpeername()))
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if local.endswith(theirs) and remote.endswith(ours):
            return int(queues.partition(":")[0], 16)
    return 0


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """Connections that are kept open until the end of the test."""
    with ExitStack() as stack:
        yield stack


def test_bodiless_flood_gives_way(processes: Processes, held: ExitStack) -> None:
    web = processes.web()
    for _ in range(FLOOD):
        held.enter_context(connect(web.url)).sendall(BODILESS)
    assert exchange(web.url, PAGE).status == 200
    eventually(lambda: sockets_of(web) <= MAX_PER_NETWORK)
    assert "Traceback" not in web.log_text()


def test_late_requests_are_cut(processes: Processes, held: ExitStack) -> None:
    """Half a head, a body that never comes, and one of which a byte comes now and then."""
    web = processes.web()
    half, none, drip = (held.enter_context(connect(web.url)) for _ in range(3))
    half.sendall(b"GET /sign-in HTTP/1.1\r\nHost:")
    none.sendall(BODILESS)
    drip.sendall(BODILESS)
    drip.settimeout(1.0)
    eventually(lambda: has_ended_dripping(drip), timeout_s=CUT_WITHIN_S)
    none.settimeout(CUT_WITHIN_S)
    assert receive(none).status == 408
    eventually(lambda: sockets_of(web) == 0, timeout_s=CUT_WITHIN_S)
    assert "Traceback" not in web.log_text()


def test_client_that_reads_nothing_is_cut(processes: Processes, held: ExitStack) -> None:
    web = processes.web()
    client = held.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    client.connect(connect_address(web))
    before = -1
    while unread(client) > before:  # until the system takes no more of the answers
        before = unread(client)
        client.sendall(f"GET {STATIC} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        with suppress(AssertionError):
            eventually(lambda before=before: unread(client) > before, timeout_s=STUCK_AFTER_S)
    assert before > 0
    assert sockets_of(web) == 1
    eventually(lambda: sockets_of(web) == 0, timeout_s=CUT_WITHIN_S)
    assert "Traceback" not in web.log_text()


def test_proxy_may_have_many_connections(processes: Processes, held: ExitStack) -> None:
    web = processes.web(PROXY_HOPS="1")
    many = MAX_PER_NETWORK + 20
    for _ in range(many):
        held.enter_context(connect(web.url)).sendall(BODILESS)
    eventually(lambda: sockets_of(web) == many)


def test_ordinary_clients_are_served(processes: Processes, held: ExitStack) -> None:
    web = processes.web()
    client = held.enter_context(closing(HTTPConnection(*connect_address(web))))
    for _ in range(3):  # one after another, on one connection
        client.request("GET", "/healthz")
        with client.getresponse() as answer:
            assert answer.read().startswith(b"ok")
        assert sockets_of(web) == 1
    raw = held.enter_context(connect(web.url))
    raw.sendall(request("POST /sign-in HTTP/1.1", "Host: localhost", FORM, "Content-Length: 3", "Expect: 100-continue"))
    assert raw.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    raw.sendall(b"a=b")
    assert receive(raw).status == 400  # it has no token


@pytest.mark.parametrize("body", [b"zz\r\n", b"5\r\nabcdefgh\r\n0\r\n\r\n", b"5;\r\n"])
def test_malformed_chunks_refused_in_one_line(processes: Processes, body: bytes) -> None:
    web = processes.web()
    lines = len(web.log_text().splitlines())
    sent = request("POST /sign-in HTTP/1.1", "Host: localhost", FORM, "Transfer-Encoding: chunked", body=body)
    assert exchange(web.url, sent).status == 400
    assert len(web.log_text().splitlines()) <= lines + 1


def test_too_large_refused(processes: Processes) -> None:
    web = processes.web()
    head = ("POST /sign-in HTTP/1.1", "Host: localhost", FORM)
    assert exchange(web.url, request(*head, "Content-Length: 70000", body=b"x" * 70_000)).status == 413
    chunked = b"11170\r\n" + b"x" * 70_000 + b"\r\n0\r\n\r\n"
    assert exchange(web.url, request(*head, "Transfer-Encoding: chunked", body=chunked)).status == 413
    assert "Traceback" not in web.log_text()


def sockets_of(web: Process) -> int:
    """How many connections of clients the web's worker has open."""
    [worker] = psutil.Process(web.pid).children()
    port = connect_address(web)[1]
    return sum(one.laddr.port == port and one.status != psutil.CONN_LISTEN for one in worker.net_connections("tcp"))


def connect_address(web: Process) -> tuple[str, int]:
    host, _, port = web.url.removeprefix("http://").partition(":")
    return host, int(port)


def has_ended_dripping(client: socket.socket) -> bool:
    """Send a byte more; return whether the other side has had enough."""
    try:
        client.sendall(b"a")
        return client.recv(65536) != b"a"
    except TimeoutError:
        return False
    except OSError:
        return True


def test_one_request_at_a_time(processes: Processes, held: ExitStack) -> None:
    """Requests that were sent before the answer to the one before are not answered: no browser and no proxy does so."""
    web = processes.web()
    client = held.enter_context(connect(web.url))
    client.sendall(NEXT.replace(b"PADDING", b"") * 100)
    answers = b"".join(iter(lambda: client.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 1
    assert b"Connection: close\r\n" in answers


def test_connection_waits_its_turn(processes: Processes, held: ExitStack) -> None:
    """Requests that come piece by piece, each of which the server reads at once, hold up nobody else."""
    web = processes.web()
    exchange(web.url, PAGE)
    flood, calm = (held.enter_context(connect(web.url)) for _ in range(2))
    padding = b"a" * (READ_BYTES - len(NEXT) + len(b"PADDING"))
    flood.sendall(NEXT.replace(b"PADDING", padding) * MANY)
    calm.sendall(PAGE)
    assert receive(calm).status == 200
    assert flood.recv(1 << 22, socket.MSG_DONTWAIT).count(b"HTTP/1.1 200 OK\r\n") < MANY // 2
