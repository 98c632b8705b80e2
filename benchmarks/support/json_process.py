"""A module that runs as a process of its own, takes commands as lines of JSON and answers each with one."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


class Unfinished(Exception):
    """The process ended before it answered."""


class JsonProcess:
    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, command: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise Unfinished(f"{self._module} ended before it answered")
        return json.loads(line)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
