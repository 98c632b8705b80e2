"""`python -m dev`. Signal handlers come before the imports: a Ctrl-C during them must print no traceback."""

import signal
import sys

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: sys.exit(0))

from dev.command import main  # noqa: E402

sys.exit(main())
