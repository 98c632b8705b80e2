"""gunicorn's settings for the web: the gevent worker, and how long an ending worker waits.

The worker patches the standard library before it imports app:app, so psycopg finds gevent when it is first imported;
preloading the application in the master would break that. Nothing here may import what uses psycopg.
"""

import gc
import os
import resource
from typing import Any

# Every open page is an open file; at Debian's soft limit of 1,024 pages would be refused.
_max_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_max_files, _max_files))

_host = os.environ.get("HOST") or "127.0.0.1"
_port = os.environ.get("PORT") or "8000"

bind = f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"
worker_class = "polaris.web.gunicorn_worker.BoundedWorker"
# An open page holds one only if gunicorn itself speaks TLS. The other files are for streams and the rest.
worker_connections = min(10_000, _max_files // 4)
preload_app = False
keepalive = 15  # also the time for a request's head; the worker has the rest of the bounds for slow clients
graceful_timeout = 2  # streams over gunicorn's TLS never end: longer would only delay a restart
limit_request_line = 8190  # gunicorn's greatest; at its 4094, filters with several long texts would not fit
accesslog = None
control_socket_disable = True  # its path is per user: a second Polaris on the machine would collide


# A page leaves few cycles: at the default of 700 the collector would scan often and free little.
_GC_THRESHOLDS = (20_000, 20, 20)

# With fewer, the log says so: each open page takes one, and a flood of connections uses them up quickly.
_MIN_FILES = 4096


def when_ready(server: Any) -> None:
    """Say if few files can be open."""
    if _max_files < _MIN_FILES:
        server.log.warning("At most %d files can be open, one for each page: raise `ulimit -n`", _max_files)


def post_worker_init(worker: object) -> None:
    """Read the static files, and freeze what was loaded so that the garbage collector never rescans it."""
    from polaris.web.static_files import present  # noqa: PLC0415 - the worker patches first

    present()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
