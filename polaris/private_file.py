"""Files that only their owner may read: keys and secrets."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write a file with mode 0600, also if it exists with another."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline="") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)


def replace(path: Path, text: str) -> None:
    """Write a file as `write` does, in one step: a reader never sees half of it, not even after a crash."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    write(unfinished, text)
    unfinished.replace(path)
