"""Refused requests: each leaves a line in the security log and, if it concerns an account, a row in the audit log.

The rows are bounded for each account and for all, because those who are refused decide how many there are. A guess at
an address that nobody has leaves one, too: otherwise the time that the answer takes would tell which accounts exist.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import cast

from flask import Flask, Response, current_app, g, request
from peewee import PeeweeException
from playhouse.pool import MaxConnectionsExceeded

from polaris import administration, security_log
from polaris.audit import NOT_SIGNED_IN
from polaris.config import Config
from polaris.domain.email_addresses import normal_email
from polaris.pubsub import records_changed
from polaris.services import services
from polaris.web.attempts import Allowance, Attempts
from polaris.web.security import User, client_address

REFUSALS = (403, 404)
ROWS_PER_ACCOUNT = Allowance("audited", 20, 3600)
ROWS_OF_ALL = Allowance("audited-all", 500, 3600)  # without it, guesses at many accounts would fill the database
LAST_ROW = "further ones within the hour are only in the security log"
MAX_PATH_LENGTH = 200  # characters; without it, one long path would be a large row

NAME = "polaris.attempts"  # the key in app.extensions

log = logging.getLogger(__name__)


def init_app(app: Flask, config: Config) -> None:
    app.extensions[NAME] = Attempts(config.redis_url, config.secret_key[-1])
    app.after_request(_note_refused_page)


def attempts() -> Attempts:
    """Return the process's counters of attempts."""
    return cast(Attempts, current_app.extensions[NAME])


def sign_in_failed(email: str) -> None:
    """Note a wrong password, or an e-mail address that nobody has: only the audit log tells which."""
    _log("sign_in.failed")
    _audit(email, "sign_in.failed", "", actor=f"{NOT_SIGNED_IN}{client_address()}")


def second_factor_failed(email: str, kind: str) -> None:
    """Note a code or a passkey that was not taken."""
    _log("second_factor.failed", kind=kind)
    _audit(email, "second_factor.failed", kind, actor=f"{NOT_SIGNED_IN}{client_address()}")


def password_link_asked(email: str) -> None:
    """Note that a link for a new password was asked for, whether or not anybody has the address."""
    _log("password.link_asked")
    _audit(email, "password.link_asked", "", actor=f"{NOT_SIGNED_IN}{client_address()}")


def limit_reached(email: str, limit: str) -> None:
    """Note a guess at a password that was not checked, because there had been too many."""
    _log("sign_in.limited", limit=limit)
    _audit(email, "sign_in.limited", limit, actor=f"{NOT_SIGNED_IN}{client_address()}")


def untrusted_form() -> None:
    """Note a form whose token is missing, forged or out of date."""
    _note_refusal("form.refused", "its token is not valid")


def topic_refused(address: str) -> None:
    """Note a topic that one of a browser's streams was refused."""
    _note_refusal("topic.refused", "404", address)


def policy_violated(**report: str) -> None:
    """Note a browser's report that a page did what the content security policy forbids. Anybody can send one."""
    _log("policy.violated", **report)


def _note_refused_page(response: Response) -> Response:
    """Note that a page was refused for lack of a role, or because it is another person's."""
    if response.status_code in REFUSALS and request.endpoint not in (None, "static"):
        _note_refusal("page.refused", str(response.status_code))
    return response


def _note_refusal(event: str, reason: str, topic: str | None = None) -> None:
    asked = _path() if topic is None else topic
    _log(event, reason=reason, **({} if topic is None else {"topic": topic[:MAX_PATH_LENGTH]}))
    user = _user()
    if user is not None:
        detail = f"{request.method} {asked[:MAX_PATH_LENGTH]}: {reason}"
        _audit(user.email, event, detail, actor=user.email)


def _log(event: str, **fields: str | int | None) -> None:
    user = _user()
    security_log.record(
        event,
        address=client_address(),
        account=None if user is None else user.id,
        method=request.method,
        path=_path(),
        user_agent=request.user_agent.string,
        **fields,
    )


def _path() -> str:
    """Return the request's path without the token of a link: whoever reads a log must not be able to open it."""
    token = (request.view_args or {}).get("token")
    return request.path.replace(token, "…") if token else request.path


def _user() -> User | None:
    """Return the signed-in user if the request has looked; do not look now, the database may be what failed."""
    user = g.get("_login_user")
    return user if isinstance(user, User) else None


def _audit(email: str, action: str, detail: str, *, actor: str) -> None:
    rows = attempts().add(ROWS_PER_ACCOUNT, normal_email(email)).attempts
    if rows > ROWS_PER_ACCOUNT.attempts:
        return
    of_all = attempts().add(ROWS_OF_ALL).attempts
    if of_all > ROWS_OF_ALL.attempts:
        return
    if of_all == ROWS_OF_ALL.attempts:
        email, action, detail, actor = "", "refusals.limited", LAST_ROW, "Polaris"
    elif rows == ROWS_PER_ACCOUNT.attempts:
        detail = f"{detail}; {LAST_ROW}".removeprefix("; ")
    try:
        administration.audit_refusal(email, action, detail, actor=actor, now=datetime.now(UTC))
        services().publisher.announce(records_changed())
    except (PeeweeException, MaxConnectionsExceeded) as error:
        log.error("%s could not be audited: %s", action, str(error).partition("\n")[0])
