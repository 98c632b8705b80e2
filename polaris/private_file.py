"""Files that only their owner may read: keys and secrets."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write a file with mode 0600 in one step: a reader never sees half of it, not even after a crash."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline="") as file:
        os.fchmod(file.fileno(), 0o600)  # a file left by a crash keeps its own mode
        file.write(text)
    unfinished.replace(path)
