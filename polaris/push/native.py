"""System calls as the kernel has them, where gevent's patching takes them away: for sockets that it knows nothing of.

Nothing else may be called here: what waits would hold up the whole process.
"""

from __future__ import annotations

from typing import Any

from gevent.monkey import get_original

epoll: Any = get_original("select", "epoll")  # gevent's patching removes it
close: Any = get_original("os", "close")  # gevent's own waits for its loop, and did not come to close a copied socket
