"""The peers of the push benchmark: stock flask-sse under gunicorn, nginx with nchan, and a loop of bare writes.

All send the same finished fragment. None reads a database or renders.
"""

from __future__ import annotations

import json
import socket
import sys
from http.client import HTTPConnection
from pathlib import Path

import redis
from flask import Flask
from flask_sse import sse

from benchmarks.peers.bare import PUBLISH
from benchmarks.support.browsers import Browsers
from benchmarks.support.machine import wait_for_port
from tests.support import nginx
from tests.support.ports import free_port
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey
from tests.support.wait import eventually

FRAGMENT_BYTES = 633
NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
NGINX = """
daemon off; pid {directory}/nginx.pid; error_log stderr warn;
worker_processes 1; worker_rlimit_nofile 20000;
load_module {module};
events {{ worker_connections 19000; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 1000000;
    location = /healthz {{ return 200; }}
    nchan_channel_id bench;
    location = /publish {{ nchan_publisher; nchan_message_buffer_length 1; }}
    location = /stream {{ nchan_subscriber eventsource; nchan_subscriber_first_message newest; }}
  }}
}}
"""


class Peer:
    """A measured server: its process, how browsers connect to it, and how an event is published."""

    process: Process

    def open(self, browsers: Browsers, first: int, count: int) -> None:
        raise NotImplementedError

    def marker(self, number: int) -> str:
        """Return the text by which browsers recognize an event."""
        return revision(number)

    def publish(self, number: int) -> None:
        raise NotImplementedError


def revision(number: int) -> str:
    return f'data-revision="{number:08d}"'


def fragment(number: int) -> str:
    head = f'<section id="session-4711-live" class="live" {revision(number)}>'
    return head + "x" * (FRAGMENT_BYTES - len(head) - len("</section>")) + "</section>"


class StockSse(Peer):
    """Stock flask-sse. It holds a Redis connection for each browser, and sends no head before its first event."""

    def __init__(self, processes: Processes, valkey: Valkey) -> None:
        self._port = free_port()
        options = ["--worker-class", "gevent", "--worker-connections", "10000", "--bind", f"127.0.0.1:{self._port}"]
        command = ["gunicorn", *options, "benchmarks.peers.stock_sse:app"]
        self._app = Flask("publisher")
        self._app.config["REDIS_URL"] = valkey.url
        self._redis = redis.Redis.from_url(valkey.url)
        self.process = processes.start("stock", command, REDIS_URL=valkey.url)
        wait_for_port(self._port)

    def open(self, browsers: Browsers, first: int, count: int) -> None:
        browsers.open(self._port, [("/stream", "")] * count, is_answered=False)
        eventually(lambda: self._subscribers() == first + count, timeout_s=60)

    def publish(self, number: int) -> None:
        with self._app.app_context():
            sse.publish(fragment(number))

    def _subscribers(self) -> int:
        """Count the clients: above 1,000 the answer of Valkey 9.1 to PUBSUB NUMSUB is wrong."""
        return sum(client["sub"] == "1" for client in self._redis.client_list(_type="pubsub"))


class Nchan(Peer):
    """nginx with nchan. Events are posted to it over one persistent connection."""

    def __init__(self, processes: Processes, directory: Path) -> None:
        self._port = free_port()
        configuration = directory / "nchan.conf"
        configuration.write_text(NGINX.format(directory=directory, module=NCHAN, port=self._port))
        command = [str(nginx.find()), "-p", str(directory), "-e", "stderr", "-c", str(configuration)]
        self.process = processes.start("nchan", command, health_url=f"http://127.0.0.1:{self._port}/healthz")
        self._connection = HTTPConnection("127.0.0.1", self._port)

    def open(self, browsers: Browsers, first: int, count: int) -> None:
        browsers.open(self._port, [("/stream", "")] * count)
        eventually(lambda: self._subscribers() == first + count, timeout_s=60)

    def publish(self, number: int) -> None:
        self._ask("POST", fragment(number))

    def _subscribers(self) -> int:
        return int(json.loads(self._ask("GET") or '{"subscribers": 0}')["subscribers"])

    def _ask(self, method: str, body: str | None = None) -> bytes:
        self._connection.request(method, "/publish", body, {"Accept": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400 and answer.status != 404:  # 404: the channel has no subscriber yet
            raise SystemExit(f"nchan answered {answer.status}: {text!r}")
        return text if answer.status != 404 else b""


class Bare(Peer):
    """The loop of bare writes, see `benchmarks.peers.bare`."""

    def __init__(self, processes: Processes) -> None:
        self._port = free_port()
        self.process = processes.start("bare", [sys.executable, "-m", "benchmarks.peers.bare", str(self._port)])
        wait_for_port(self._port)
        self._connection = socket.create_connection(("127.0.0.1", self._port))

    def open(self, browsers: Browsers, first: int, count: int) -> None:
        browsers.open(self._port, [("/stream", "")] * count)

    def publish(self, number: int) -> None:
        self._connection.sendall(PUBLISH + f"data:{fragment(number)}\n\n".encode())


def is_nchan_here() -> bool:
    return nginx.find() is not None and NCHAN.exists()
