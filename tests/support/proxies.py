"""Between a browser and the web: a portal that answers in its place, and a proxy that holds requests back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!doctype html><title>Portal</title><main id=main>Please sign in to the hotel</main>"


class Portal:
    """A server on the web's own port that answers whatever is asked with a page of its own."""

    def __init__(self, port: int, status: int, headers: dict[str, str] | None = None) -> None:
        self.paths: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler(status, headers or {}))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self, status: int, headers: dict[str, str]) -> type[BaseHTTPRequestHandler]:
        paths = self.paths

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                paths.append(f"{self.command} {self.path}")
                self.send_response(status)
                for name, value in {"Content-Type": "text/html", "Content-Length": str(len(PAGE)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(PAGE)

            do_GET = do_POST = do_HEAD = answer  # noqa: N815 - the names that http.server looks for

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        return Handler


class HoldingProxy:
    """A proxy that passes bytes on; while it holds, it keeps what browsers send, and sends it on when it is let."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._passes = threading.Event()
        self._passes.set()
        self.held = 0
        self.answered: list[str] = []  # the first lines of the web's answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._start(self._accept)

    def hold(self) -> None:
        self._passes.clear()

    def release(self) -> None:
        self._passes.set()

    def close(self) -> None:
        self.release()
        for connection in (self._listener, *self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                browser, _ = self._listener.accept()
                web = socket.create_connection(self._target)
                self._open += [browser, web]
                self._start(self._pump, browser, web, True)
                self._start(self._pump, web, browser, False)

    def _pump(self, source: socket.socket, target: socket.socket, is_held: bool) -> None:
        with suppress(OSError):
            while received := source.recv(1 << 16):
                if is_held and not self._passes.is_set():
                    self.held += 1
                    self._passes.wait()
                if not is_held and received.startswith(b"HTTP/"):
                    self.answered.append(received.split(b"\r\n", 1)[0].decode())
                with suppress(OSError):  # the browser may have gone
                    target.sendall(received)
        if not is_held:  # the browser that has gone away does not end what it had sent
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)
