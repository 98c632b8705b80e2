"""The lower bound: a loop that writes an event to every socket and does nothing else.

`python -m benchmarks.peers.bare PORT` answers a GET with the head of a stream, without reading the whole request. The
bytes after `PUBLISH` on a connection are an event; they get no answer.
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
    write_to = os.write
    for fd in streams:
        write_to(fd, event)


if __name__ == "__main__":
    main(int(sys.argv[1]))
