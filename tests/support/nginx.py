"""Owns nginx: Debian's, found or installed, and run with the configuration that docs/nginx.conf gives.

`python -m tests.support.nginx` makes sure that there is one: `make test` runs it before the tests.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.support import debian
from tests.support.certificates import Pair
from tests.support.ports import free_port
from tests.support.processes import ROOT, Process, Processes
from tests.support.wait import eventually

PACKAGES = ("nginx", "libnginx-mod-nchan")  # nchan is a peer of `make bench PART=push`
SITE = ROOT / "docs" / "nginx.conf"
# What Debian's own nginx.conf does around a site, in a directory of its own and in the foreground.
AROUND = """
{user}
daemon off;
pid {directory}/nginx.pid;
worker_processes 2;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    gzip on;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/site.conf;
}}
"""


class Nginx:
    """nginx before a Polaris; its `url` is `https://127.0.0.1:port`."""

    def __init__(
        self, processes: Processes, directory: Path, certificate: Pair, *, web_port: str, bridge_port: str
    ) -> None:
        port, plain_port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{port}"
        self.plain_url = f"http://127.0.0.1:{plain_port}"
        filled_in = {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "listen 80": f"listen 127.0.0.1:{plain_port}",
            "127.0.0.1:8000": f"127.0.0.1:{web_port}",
            "127.0.0.1:9000": f"127.0.0.1:{bridge_port}",
            "charging.example": "127.0.0.1",
            "/etc/ssl/polaris.pem": str(certificate.certificate),
            "/etc/ssl/polaris.key": str(certificate.key),
        }
        directory.mkdir()
        (directory / "site.conf").write_text(_filled_in(SITE.read_text(), filled_in))
        user = "user root;" if os.geteuid() == 0 else ""  # else its workers could not enter the test's directory
        configuration = directory / "nginx.conf"
        configuration.write_text(AROUND.format(directory=directory, user=user))
        self.process: Process = processes.start(
            "nginx", [_path(), "-p", str(directory), "-e", "stderr", "-c", str(configuration)]
        )
        eventually(lambda: (directory / "nginx.pid").exists() or not self.process.is_running)
        assert self.process.is_running, self.process.log_text()


def find() -> str | None:
    """nginx is not on the path of everybody who may run it."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")


def _path() -> str:
    path = find()
    assert path is not None, f"no nginx; install one: {debian.command(*PACKAGES)}"
    return path


def _filled_in(text: str, values: dict[str, str]) -> str:
    for documented, value in values.items():
        assert documented in text, f"{SITE.name} has no {documented!r}"
        text = text.replace(documented, value)
    return text


def main() -> None:
    if not find():
        debian.install("nginx", *PACKAGES)


if __name__ == "__main__":
    main()
