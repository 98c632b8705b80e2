"""`python -m dev`. A Ctrl-C is quiet from the first moment on, hence before the imports."""

import signal
import sys

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: sys.exit(0))

from dev.command import main  # noqa: E402

sys.exit(main())
