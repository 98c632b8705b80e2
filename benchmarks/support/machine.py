"""The machine: pinning processes to cores, their CPU time and memory, open files, ports."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator

import psutil

from tests.support.processes import Process
from tests.support.wait import eventually

SERVER_CORE, GENERATOR_CORE = 0, 1


def allow_many_files() -> None:
    """Raise the limit of open files, also for processes started later: there are ten thousand sockets on each side."""
    maximum = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (maximum, maximum))


def pin(process: Process) -> None:
    """Pin a process, its children and all their threads to the server's core; later ones inherit it."""
    for member in family(process.pid):
        for thread in member.threads():
            os.sched_setaffinity(thread.id, {SERVER_CORE})


def cpu_s(process: Process) -> float:
    """Return the CPU time of a process and its children."""
    return sum(sum(member.cpu_times()[:2]) for member in family(process.pid))


def rss(process: Process) -> int:
    """Return the resident memory of a process and its children, in bytes."""
    return sum(int(member.memory_info().rss) for member in family(process.pid))


def family(pid: int) -> Iterator[psutil.Process]:
    """Yield a process and its descendants."""
    parent = psutil.Process(pid)
    yield parent
    yield from parent.children(recursive=True)


def wait_for_port(port: int) -> None:
    def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(is_open)
