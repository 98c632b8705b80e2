"""Owns how gunicorn serves the web: the gevent worker, and how long an ending worker waits.

The worker patches the standard library before it imports app:app, so psycopg finds gevent when it is first imported;
preloading the application in the master would break that. Nothing here may import polaris.
"""

import gc
import os
import resource

# Every open page is an open file.
_most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files, _most_files))

_host = os.environ.get("HOST") or "127.0.0.1"
_port = os.environ.get("PORT") or "8000"

bind = f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"
worker_class = "gevent"
worker_connections = 10_000  # requests; an open page holds one only where gunicorn itself speaks TLS
preload_app = False
keepalive = 15
graceful_timeout = 2  # streams that are gunicorn's own never end by themselves: longer would only delay a restart
accesslog = None
control_socket_disable = True  # its path is one per user: a second Polaris on the machine would collide with it


_GARBAGE = (20_000, 20, 20)  # objects of a generation before it is searched for cycles, of which a page leaves few


def post_worker_init(worker: object) -> None:
    """What was loaded stays."""
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
