"""Files and directories that only their owner may open: keys and secrets, the database, the log of frames."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO  # the permissions of everybody but the owner

log = logging.getLogger(__name__)


def write(path: Path, text: str) -> None:
    """Write a file with mode 0600 in one step: a reader never sees half of it, not even after a crash."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline="") as file:
        os.fchmod(file.fileno(), 0o600)  # a file left by a crash keeps its own mode
        file.write(text)
    unfinished.replace(path)


def make(path: Path) -> None:
    """Make an empty file and its directory if they are missing, whatever the umask; else tighten the file."""
    make_directory(path.parent)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    tighten(path)


def make_directory(path: Path) -> None:
    """Make a directory, and those above it that are missing. The modes of the others are left: they may be /tmp."""
    if not path.exists():
        make_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def tighten(path: Path) -> None:
    """Take a file or directory away from others, as one of an earlier version or a copy may be open to them; log it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not mode & OTHERS:
        return
    try:
        path.chmod(mode & ~OTHERS)
    except PermissionError:
        log.warning("%s is open to other users (mode %04o), and only its owner can change that", path, mode)
    else:
        log.warning("%s was open to other users (mode %04o); it no longer is", path, mode)
