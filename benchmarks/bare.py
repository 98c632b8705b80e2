"""The floor: a loop that writes an event to every socket and does nothing else, for what a write costs on this machine.

`python -m benchmarks.bare PORT` answers each request with the head of a stream, without reading it whole; what follows
`PUBLISH` on a connection is the event, which is answered with nothing.
"""

from __future__ import annotations

import os
import select
import socket
import sys

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
PUBLISH = b"PUBLISH "
READ_BYTES = 65_536


def main(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    epoll = select.epoll()
    epoll.register(listener.fileno(), select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    streams: list[int] = []
    while True:
        for fd, _ in epoll.poll():
            if fd == listener.fileno():
                connection, _ = listener.accept()
                connections[connection.fileno()] = connection
                epoll.register(connection.fileno(), select.EPOLLIN)
                continue
            text = connections[fd].recv(READ_BYTES)
            if text.startswith(PUBLISH):
                write(streams, text.removeprefix(PUBLISH))
            elif text.startswith(b"GET"):
                connections[fd].setblocking(False)
                os.write(fd, HEAD)
                streams.append(fd)
            if not text:
                epoll.unregister(fd)


def write(streams: list[int], event: bytes) -> None:
    put = os.write
    for fd in streams:
        put(fd, event)


if __name__ == "__main__":
    main(int(sys.argv[1]))
