"""The tie to a parent process: if it ends, however it ends, so does this one."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def end_with(parent_pid: int, number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends. It stays so if another program is executed.

    End at once if the parent has already ended: the kernel would send nothing then.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent_pid:
        sys.exit(0)
