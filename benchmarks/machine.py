"""Owns what the benchmarks of push know of the machine: who runs on which core, and what a process costs."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import psutil

from tests.support.processes import Process

SERVER_CORE, GENERATOR_CORE = 0, 1


def allow_many_files() -> None:
    """Five thousand sockets on each side. What is started from here on inherits it."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def pin(process: Process) -> None:
    """Pin a process and its children, with all their threads, present and to come, to the server's core."""
    for one in _family(process):
        for thread in one.threads():
            os.sched_setaffinity(thread.id, {SERVER_CORE})


def cpu_s(process: Process) -> float:
    """The CPU time that a process and its children have had."""
    return sum(sum(one.cpu_times()[:2]) for one in _family(process))


def rss(process: Process) -> int:
    """The memory that a process and its children hold, in bytes."""
    return sum(int(one.memory_info().rss) for one in _family(process))


def _family(process: Process) -> Iterator[psutil.Process]:
    parent = psutil.Process(process.pid)
    yield parent
    yield from parent.children(recursive=True)
