"""Whether a connection can be taken over is tried, not assumed: what is used of gunicorn is no interface."""

from __future__ import annotations

import subprocess
import sys

import pytest

from polaris.push import gunicorn_takeover
from tests.support.processes import ROOT


def test_outside_gunicorn() -> None:
    assert not gunicorn_takeover.is_possible()
    assert gunicorn_takeover.take(lambda status, headers: None, "200 OK", []) is None


CHANGED = """
from gevent import monkey; monkey.patch_all()
import gunicorn.http.wsgi as wsgi
{change}
from polaris.push import gunicorn_takeover
print(gunicorn_takeover.is_possible())
"""


@pytest.mark.parametrize(
    ("change", "is_possible"),
    [
        ("", True),
        ("del wsgi.Response.force_close", False),
        ("wsgi.Response.close = lambda self: self.sock.sendall(b'0\\r\\n\\r\\n')", False),
        ("wsgi.Response.should_close = lambda self: False", False),
        ("wsgi.Response.send_headers = lambda self: None", False),
    ],
)
def test_changed_gunicorn_noticed(change: str, is_possible: bool) -> None:
    command = [sys.executable, "-c", CHANGED.format(change=change)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == str(is_possible)
    assert ("does not hand its connections over" in done.stderr) is not is_possible
