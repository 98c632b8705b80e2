"""Streams of real web processes: with the connection taken over from gunicorn, and through servers that keep theirs."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from polaris import administration, models
from polaris.config import Config
from polaris.ingest import Ingest
from polaris.models import SignIn
from polaris.pubsub import Publisher, session_channel
from tests.support import cast as cast_
from tests.support import cookies
from tests.support.cast import ACTOR, Cast, now
from tests.support.certificates import Authority
from tests.support.charging import Charging
from tests.support.pages import Stream
from tests.support.processes import Process, Processes, answers, procfile
from tests.support.wait import WITHIN_S, eventually

SERVERS = ["gunicorn", "gunicorn with TLS", "gunicorn with threads"]


class Web:
    """A web process, and browsers without a browser."""

    def __init__(self, process: Process, config: Config, trust: ssl.SSLContext | None = None) -> None:
        self.process = process
        self.opened: list[socket.socket] = []
        self._config = config
        self._trust = trust

    def device(self, account_id: int, sign_in_id: str) -> str:
        """Sign a device in; return its cookie."""
        with models.database.connection_context():
            SignIn.create(id=sign_in_id, account=account_id, user_agent="", created_at=now(), last_seen_at=now())
        return cookies.signed(self._config, sign_in_id)

    def ask(self, path: str, cookie: str = "", *, method: str = "GET", version: str = "1.0") -> tuple[str, Stream]:
        """Send a request; return the head of the answer, and what comes after it."""
        connection = socket.create_connection(("127.0.0.1", self._config.port), timeout=WITHIN_S)
        if self._trust is not None:
            connection = self._trust.wrap_socket(connection, server_hostname="127.0.0.1")
        self.opened.append(connection)
        request = f"{method} {path} HTTP/{version}\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n"
        connection.sendall(request.encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            received = connection.recv(1)
            assert received, head
            head += received
        return head.decode(), Stream(connection)


@pytest.fixture
def cast(config: Config, database: None) -> Cast:
    return cast_.everybody(config)


@pytest.fixture
def charging(config: Config, cast: Cast, publisher: Publisher) -> Charging:
    charging = Charging(Ingest(config, publisher), cast.depot_7)
    charging.connect()
    return charging


@pytest.fixture
def serve(config: Config, processes: Processes, tmp_path: Path) -> Iterator[Callable[..., Web]]:
    """Starts a web process with further options of gunicorn's, and environment."""
    webs: list[Web] = []

    def start(*options: str, trust: ssl.SSLContext | None = None, **environment: str) -> Web:
        command = [*procfile("web")[:-1], *options, procfile("web")[-1]]
        process = processes.start("web", command, **environment)
        webs.append(Web(process, config, trust))
        eventually(lambda: _is_served(webs[-1]))
        return webs[-1]

    yield start
    for web in webs:
        for connection in web.opened:
            connection.close()
        assert "Traceback" not in web.process.log_text(), web.process.log_text()


@pytest.fixture(params=SERVERS)
def web(request: pytest.FixtureRequest, serve: Callable[..., Web], tmp_path: Path) -> Web:
    if request.param == "gunicorn":
        return serve()
    if request.param == "gunicorn with threads":
        return serve("--worker-class", "gthread", "--threads", "20")
    pair = (authority := Authority(tmp_path / "authority")).sign("web", "serverAuth")
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    return serve("--certfile", str(pair.certificate), "--keyfile", str(pair.key), trust=trust)


def test_stream_sends_every_change(web: Web, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    head, stream = web.ask(f"/live/sessions/{number}", web.device(cast.ada.id, "phone"))
    assert head.startswith(("HTTP/1.0 200 ", "HTTP/1.1 200 "))
    assert "text/event-stream" in head
    assert "Content-Length" not in head
    assert stream.shows("Stop charging", in_="stop")
    for register_wh in (2000, 3000, 4000):
        charging.meter(number, register_wh)
        assert stream.shows(f"{(register_wh - 1000) / 1000:.2f}", in_="live")


def test_signed_out_device_disconnected(web: Web, cast: Cast, charging: Charging, publisher: Publisher) -> None:
    number = charging.start(cast.ada.id_tag)
    cookie = web.device(cast.ada.id, "phone")
    _, stream = web.ask(f"/live/sessions/{number}", cookie)
    assert stream.shows("Stop charging", in_="stop")
    administration.sign_out(publisher, cast.ada.id, "phone", actor=ACTOR, now=now())
    assert stream.ends()
    assert stream.heard[-1] == "signed-out"
    head, _ = web.ask(f"/live/sessions/{number}", cookie)
    assert " 401 " in head.splitlines()[0]


def test_refusal_has_no_body(web: Web, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    assert " 401 " in web.ask(f"/live/sessions/{number}")[0]
    assert " 404 " in web.ask(f"/live/sessions/{number}", web.device(cast.ben.id, "ben's"))[0]


def test_head_request(web: Web, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    head, rest = web.ask(f"/live/sessions/{number}", web.device(cast.ada.id, "phone"), method="HEAD")
    assert " 200 " in head
    assert rest.ends()
    assert rest.heard == []


def test_body_ends_with_connection(serve, cast: Cast, charging: Charging) -> None:
    web = serve()
    number = charging.start(cast.ada.id_tag)
    head, stream = web.ask(f"/live/sessions/{number}", web.device(cast.ada.id, "phone"), version="1.1")
    assert "\r\nConnection: close\r\n" in head
    assert "chunked" not in head.lower()
    assert stream.shows("Stop charging", in_="stop")


def test_closed_tab_noticed_without_traffic(serve, cast: Cast, charging: Charging, redis_url: str) -> None:
    web = serve(HEARTBEAT_S="3600", REREAD_S="3600")
    number = charging.start(cast.ada.id_tag)
    _, stream = web.ask(f"/live/sessions/{number}", web.device(cast.ada.id, "phone"))
    assert stream.shows("Stop charging", in_="stop")
    with redis.Redis.from_url(redis_url) as valkey:
        eventually(lambda: _watchers(valkey, number) == 1)  # what is shown first may be read before
        stream.connection.close()
        eventually(lambda: _watchers(valkey, number) == 0)


def test_stream_frees_gunicorn_slot_and_files(serve, cast: Cast, charging: Charging) -> None:
    web = serve("--worker-connections", "3", STREAMS_PER_ACCOUNT="100")
    number = charging.start(cast.ada.id_tag)
    cookie = web.device(cast.ada.id, "phone")
    _, first = web.ask(f"/live/sessions/{number}", cookie)
    assert first.shows("Stop charging", in_="stop")
    (worker,) = psutil.Process(web.process.pid).children()
    eventually(lambda: _connections(worker) == 1)  # the first stream's: what asked whether it serves has gone
    streams = [web.ask(f"/live/sessions/{number}", cookie)[1] for _ in range(20)]
    for stream in streams:
        assert stream.shows("Stop charging", in_="stop")
    assert answers(f"http://127.0.0.1:{web._config.port}/healthz")
    assert _connections(worker) >= 21
    for stream in streams:
        stream.connection.close()
    eventually(lambda: _connections(worker) == 1)


def test_worker_stops_with_its_streams(serve, cast: Cast, charging: Charging) -> None:
    web = serve("--access-logfile", "-", "--graceful-timeout", "60")  # which nothing waits for
    number = charging.start(cast.ada.id_tag)
    _, stream = web.ask(f"/live/sessions/{number}", web.device(cast.ada.id, "phone"))
    assert stream.shows("Stop charging", in_="stop")
    assert web.process.stop() == 0
    assert stream.ends()
    assert "graceful timeout" not in web.process.log_text()
    assert f'"GET /live/sessions/{number} HTTP/1.0" 200' in web.process.log_text()


def _is_served(web: Web) -> bool:
    assert web.process.is_running, web.process.log_text()
    try:
        return " 200 " in web.ask("/healthz")[0]
    except OSError:
        return False


def _watchers(valkey: redis.Redis, number: int) -> int:
    return int(valkey.pubsub_numsub(session_channel(number))[0][1])


def _connections(worker: psutil.Process) -> int:
    return sum(found.status != psutil.CONN_LISTEN for found in worker.net_connections("tcp"))
