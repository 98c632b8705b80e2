"""Owns a push service: a real HTTPS server that takes pushes for browsers, and decrypts them as these would."""

from __future__ import annotations

import json
import os
import ssl
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from polaris.administration.notices import Device
from tests.support.certificates import Authority


@dataclass
class Browser:
    """A browser's subscription, with its private key."""

    device: Device
    key: ec.EllipticCurvePrivateKey
    secret: bytes


@dataclass
class PushService:
    """A push service at 127.0.0.1. `bodies` are as they came; `status` is its answer."""

    context: ssl.SSLContext  # which trusts its certificate
    origin: str
    status: int = 201
    location: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def browser(self, name: str = "phone") -> Browser:
        """Subscribe a browser."""
        key, secret = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        point = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        device = Device(f"{self.origin}/push/{name}", _text(key.public_key().public_bytes(*point)), _text(secret))
        return Browser(device, key, secret)

    def shown(self, browser: Browser) -> list[dict[str, str]]:
        """What a browser would show of what came, decrypted by its key."""
        return [json.loads(_decrypted(body, browser)) for body in self.bodies]

    def senders(self) -> list[dict[str, Any]]:
        """Who sent, by the proofs that came, each of which is checked."""
        found = []
        for headers in self.headers:
            assert Vapid02.verify(headers["Authorization"])
            claims = headers["Authorization"].partition("t=")[2].partition(",")[0].split(".")[1]
            found.append(json.loads(urlsafe_b64decode(claims + "==")))
        return found


@contextmanager
def running(authority: Authority) -> Iterator[PushService]:
    pair = authority.sign("push", "serverAuth")
    context = ssl.create_default_context(cafile=str(authority.certificate))
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_context.load_cert_chain(pair.certificate, pair.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    service = PushService(context, f"https://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = _handler(service)
    server.socket = server_context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(service: PushService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            service.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            service.headers.append(dict(self.headers))
            self.send_response(service.status)
            if service.location:
                self.send_header("Location", service.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


def _decrypted(body: bytes, browser: Browser) -> bytes:
    text: bytes = http_ece.decrypt(body, private_key=browser.key, auth_secret=browser.secret, version="aes128gcm")
    return text


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
