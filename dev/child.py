"""Execute a command that ends with its parent: `python -m dev.child PARENT_PID COMMAND…`.

Killed alone, the supervisor would leave a Polaris behind that holds its ports. A program of its own, because a
`preexec_fn` may deadlock in a process with threads.
"""

from __future__ import annotations

import os
import signal
import sys

from dev.parent import end_with

if __name__ == "__main__":
    end_with(int(sys.argv[1]), signal.SIGKILL)  # nothing that was answered is lost by it
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the Procfile's command
