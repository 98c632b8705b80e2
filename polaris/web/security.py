"""What guards every request: who it is, form tokens, limits on attempts, headers, and what proxies may say.

It knows no page; the views say which of them need a sign-in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_login import LoginManager, UserMixin
from flask_talisman import Talisman
from flask_wtf import CSRFProtect
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.middleware.proxy_fix import ProxyFix

from polaris import administration
from polaris.administration import SignedIn
from polaris.administration.devices import LIFETIME
from polaris.config import Config
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.viewer import Viewer
from polaris.web.answers import is_htmx

REDIS_WITHIN_S = 1.0  # then the attempts are counted in this process's memory
REDIS_OPTIONS: dict[str, Any] = {
    "socket_timeout": REDIS_WITHIN_S,
    "socket_connect_timeout": REDIS_WITHIN_S,
    "retry": Retry(NoBackoff(), 0),
}
MAX_FORM_BYTES = 64 * 1024
CONTENT_SECURITY_POLICY = {
    "default-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}


@dataclass(frozen=True, eq=False)
class User(UserMixin):
    """`current_user`: an account, on the device that this request comes from."""

    id: int
    sign_in_id: str
    email: str
    role: Role
    status: AccountStatus

    @classmethod
    def of(cls, found: SignedIn) -> User:
        return cls(found.account_id, found.sign_in_id, found.email, found.role, found.status)

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.role, self.status)

    def get_id(self) -> str:
        """What the cookie names: the device, so that revoking its row signs it out."""
        return self.sign_in_id


def client_address() -> str:
    """What attempts are counted by: the address, or the /64 that an IPv6 network hands to one household."""
    address = request.remote_addr or "unknown"
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))
    except ValueError:
        return address.rpartition(":")[0]  # some proxies add the port


View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

csrf = CSRFProtect()
limiter = Limiter(client_address, storage_options=REDIS_OPTIONS, in_memory_fallback_enabled=True)


def init_app(app: Flask, config: Config) -> None:
    app.config.update(
        SECRET_KEY=config.secret_key,
        SESSION_COOKIE_NAME="polaris",
        PERMANENT_SESSION_LIFETIME=LIFETIME,
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        RATELIMIT_STORAGE_URI=_storage_uri(config.redis_url),
        WTF_CSRF_TIME_LIMIT=None,  # pages are never refreshed
        WTF_CSRF_SSL_STRICT=False,  # the token holds without the Referer, and a proxy may hide the host's name
    )
    _set_headers(app, config)
    csrf.init_app(app)
    limiter.init_app(app)
    _identify_users(app)
    if config.proxy_hops > 0:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way to add a middleware
            app.wsgi_app, x_for=config.proxy_hops, x_proto=config.proxy_hops
        )


def ask_to_sign_in() -> ResponseReturnValue:
    """Send the browser to the sign-in page; htmx would swap a redirect's target in, so it is told to leave."""
    where = url_for("auth.sign_in", next=_wanted_path())
    if is_htmx():
        return Response(status=401, headers={"HX-Redirect": where})
    return redirect(where)


def answers_http(view: View) -> View:
    """Let a view be reached without HTTPS also where browsers are sent on to it: probes come from inside."""
    view.talisman_view_options = {"force_https": False}  # type: ignore[attr-defined]  # Talisman's own mark
    return view


def _set_headers(app: Flask, config: Config) -> None:
    Talisman(
        app,
        content_security_policy=CONTENT_SECURITY_POLICY,
        frame_options="DENY",
        referrer_policy="same-origin",
        force_https=config.https,
        session_cookie_secure=config.https,
        strict_transport_security=config.https,
        strict_transport_security_include_subdomains=False,
    )

    @app.after_request
    def keep_nothing(response: Response) -> Response:
        """A page that comes back from a cache would be an old one, perhaps somebody else's."""
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _identify_users(app: Flask) -> None:
    manager = LoginManager(app)
    manager.session_protection = None  # a phone's address changes while it drives
    manager.user_loader(_load_user)
    manager.unauthorized_handler(ask_to_sign_in)


def _load_user(sign_in_id: str) -> User | None:
    if g.get("is_failing"):
        return None  # an error page is being made, and the database may be what failed
    found = administration.signed_in(sign_in_id, now=datetime.now(UTC))
    return None if found is None else User.of(found)


def _wanted_path() -> str:
    """The page to come back to: this one, or the one that posted or asked by htmx."""
    if request.method == "GET" and not is_htmx():
        return request.full_path.removesuffix("?")
    page = urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "/")
    return f"{page.path}?{page.query}" if page.query else page.path


def _storage_uri(redis_url: str) -> str:
    """`limits` knows redis-py's unix:// by another name."""
    return f"redis+{redis_url}" if redis_url.startswith("unix:") else redis_url
