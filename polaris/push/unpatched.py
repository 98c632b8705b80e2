"""System calls without gevent's patches, for sockets that gevent does not manage.

Add nothing that may block: it would block every greenlet of the process.
"""

from __future__ import annotations

from typing import Any

from gevent.monkey import get_original

epoll: Any = get_original("select", "epoll")  # gevent's patching removes it
close: Any = get_original("os", "close")  # gevent's own hands the call to its event loop, and left duplicates open
