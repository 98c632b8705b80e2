"""The Host header, checked before Flask, which needs a usable host even to render an error page.

With `SITE_URL` the site has one host: a request to any other is refused, and redirects and absolute URLs name this one.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import redirect, request
from werkzeug import Response
from werkzeug.sansio.utils import host_is_trusted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Probes come by HTTP from inside the network, by whatever name or address the platform knows the process by.
PROBES = ("/healthz", "/readyz")
# Without SITE_URL, a redirect to any other host would go wherever a forged Host header says.
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class HostCheck:
    """WSGI middleware that refuses malformed and foreign hosts with one line."""

    def __init__(self, app: WSGIApplication, site_url: str) -> None:
        self._app = app
        self._netloc = urlsplit(site_url).netloc

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST")
        if host is None and environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
            host = self._netloc or "localhost"
        if host is None or not _is_well_formed(host):
            return _refusal("The Host header is malformed.")(environ, start_response)
        if self._netloc and environ.get("PATH_INFO") not in PROBES:
            if _hostname(host) != _hostname(self._netloc):
                return _refusal("There is no site of this name here.")(environ, start_response)
            host = self._netloc
        environ["HTTP_HOST"] = host
        return self._app(environ, start_response)


def redirect_to_https(site_url: str) -> Response | None:
    """Redirect a request by HTTP, or refuse it if no trustworthy host is known to redirect to."""
    if request.is_secure or request.path in PROBES:
        return None
    if site_url or _hostname(request.host) in LOOPBACK:
        return redirect(request.url.replace("http:", "https:", 1))
    return _refusal("This site is served by HTTPS only.")


def _hostname(host: str) -> str:
    """Return a host without its port, in lower case."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdecimal() else host.lower()


def _is_well_formed(host: str) -> bool:
    name = _hostname(host)
    try:
        if name.startswith("["):
            ipaddress.IPv6Address(name[1:-1])
        return host_is_trusted(host) and bool(name.encode("idna"))
    except ValueError:  # no address, an empty label, or one of more than 63 characters
        return False


def _refusal(sentence: str) -> Response:
    return Response(f"{sentence}\n", 400, mimetype="text/plain")
