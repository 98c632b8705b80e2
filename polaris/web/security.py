"""The security of every request: the signed-in user, form tokens and trusted proxies.

It knows no page; each view names the sign-in or role that it needs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import refresh
from flask_login import LoginManager, UserMixin, current_user
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from polaris import administration
from polaris.administration import SignedIn
from polaris.audit import acting_from
from polaris.config import Config
from polaris.domain.addresses import network
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.profile import Profile
from polaris.domain.viewer import Viewer
from polaris.services import services
from polaris.web import headers, operator_mfa
from polaris.web.answers import is_htmx
from polaris.web.hosts import HostCheck, redirect_to_https

MAX_FORM_BYTES = 64 * 1024  # without it, one request could fill the memory
PORT = re.compile(r"^(?:\[(.+)\]|([\d.]+)):\d+$")  # which some proxies append to an address


@dataclass(frozen=True, eq=False)
class User(UserMixin):
    """`current_user`: an account, and the device that sent the request."""

    id: int
    sign_in_id: str
    email: str
    role: Role
    status: AccountStatus
    confirmed_at: datetime  # when the person last proved to be at the device
    profile: Profile

    @classmethod
    def of(cls, signed_in: SignedIn) -> User:
        return cls(
            signed_in.account_id,
            signed_in.sign_in_id,
            signed_in.email,
            signed_in.role,
            signed_in.status,
            signed_in.confirmed_at,
            signed_in.profile,
        )

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.role, self.status)

    @property
    def mark(self) -> str:
        """Return what names the device to its own pages, see `page_guards`; not its id, which the cookie holds."""
        return hashlib.sha256(self.sign_in_id.encode()).hexdigest()[:16]

    def get_id(self) -> str:
        """Return the id that the cookie holds: the device's, so that revoking its row signs it out."""
        return self.sign_in_id


def client_address() -> str:
    """Return the key that attempts are counted by: the address, or the IPv6 /64 that one household gets."""
    address = request.remote_addr or "unknown"
    return network(PORT.sub(r"\1\2", address))


csrf = CSRFProtect()


def init_app(app: Flask, config: Config) -> None:
    app.config.update(
        SECRET_KEY=config.secret_key[-1],
        SECRET_KEY_FALLBACKS=config.secret_key[:-1],
        WTF_CSRF_SECRET_KEY=config.secret_key,
        SESSION_COOKIE_NAME=headers.cookie_name("polaris", config),
        PERMANENT_SESSION_LIFETIME=administration.lifetimes(config).longest,
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        WTF_CSRF_TIME_LIMIT=None,  # a page may stay open for days without being loaded again
        WTF_CSRF_SSL_STRICT=False,  # it compares the Referer with the host, which a proxy may have changed
    )
    if config.https:
        app.before_request(lambda: redirect_to_https(config.site_url))
    headers.init_app(app, config)
    app.before_request(_note_address)
    app.teardown_request(_forget_address)
    csrf.init_app(app)
    _identify_users(app)
    app.wsgi_app = HostCheck(app.wsgi_app, config.site_url)  # type: ignore[method-assign]  # as Flask documents
    if config.proxy_hops > 0:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=config.proxy_hops, x_proto=config.proxy_hops
        )


def _note_address() -> None:
    """Let the audit log say from where a change was asked for."""
    acting_from.set(request.remote_addr or "")


def _forget_address(_error: BaseException | None) -> None:
    acting_from.set("")


def ask_to_sign_in() -> ResponseReturnValue:
    """Send the browser to the sign-in page, or to where an operator sets up the second factor that is missing."""
    if g.get("must_set_up"):
        return send_to(url_for("second_factor.show"))
    return send_to(url_for("auth.sign_in", next=requested_path()))


def send_to(url: str) -> ResponseReturnValue:
    """Send the browser to another page. htmx would swap a redirect's target in, so it gets HX-Redirect."""
    return Response(status=401, headers={"HX-Redirect": url}) if is_htmx() else redirect(url)


def requested_path() -> str:
    """Return the page to come back to: this one, or the one that sent the form or the htmx request."""
    if request.method in ("GET", "HEAD") and not is_htmx():
        return request.full_path.removesuffix("?")
    try:
        page = urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "/")
    except ValueError:  # such as http://[
        return "/"
    return f"{page.path}?{page.query}" if page.query else page.path


def require_operator(refuse: Callable[[int], NoReturn] = abort) -> None:
    """Refuse anyone but operators as if the page did not exist, and changes by one whose account is not active."""
    if current_user.role is not Role.OPERATOR:
        refuse(404)
    if request.method not in ("GET", "HEAD") and not current_user.viewer.may_act:
        refuse(403)


def device_check() -> Callable[[], bool]:
    """Return a check of whether this device is signed in still, in its role, for answers that take long."""
    sign_in_id, role, lifetimes = (
        current_user.sign_in_id,
        current_user.role,
        administration.lifetimes(services().config),
    )

    def is_signed_in() -> bool:
        signed_in = administration.signed_in(sign_in_id, lifetimes, is_use=False, now=datetime.now(UTC))
        return signed_in is not None and signed_in.role is role

    return is_signed_in


def count_as_automatic() -> None:
    """Let this request keep no sign-in alive: the page sends it by itself, whether or not a person is there."""
    g.is_automatic = True


def _identify_users(app: Flask) -> None:
    manager = LoginManager(app)
    manager.session_protection = None  # a phone's address changes while it drives
    manager.user_loader(_load_user)
    manager.unauthorized_handler(ask_to_sign_in)


def _load_user(sign_in_id: str) -> User | None:
    if g.get("is_failing"):
        return None  # an error page is being rendered, and the database may be what failed
    signed_in = administration.signed_in(
        sign_in_id, administration.lifetimes(services().config), is_use=not g.get("is_automatic"), now=datetime.now(UTC)
    )
    if signed_in is None:
        return None
    g.must_set_up = operator_mfa.must_set_up(signed_in)
    if g.must_set_up:
        return None
    g.viewer = User.of(signed_in)
    refresh()  # a language that was chosen before the person was known
    return g.viewer
