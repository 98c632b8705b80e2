"""Signing in and out: one row per device, a new cookie with each sign-in, and limits on attempts."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user, login_user

from polaris import administration
from polaris.administration.accounts import normal_email
from polaris.services import services
from polaris.web.forms import SignInForm
from polaris.web.security import User, limiter

MAX_PER_ADDRESS = "60 per minute"  # not fewer: many drivers share the address of their mobile network
MAX_PER_EMAIL = "10 per 10 minutes"  # failures; for longer, anyone could lock a driver out
UNPROCESSABLE = 422

blueprint = Blueprint("auth", __name__)


def is_safe(target: str) -> bool:
    """Tell whether a redirect target is a path of this site, and not spelled so that a browser would leave it."""
    return re.fullmatch(r"/(?![/\\])[^\x00-\x20\x7f\\]*", target) is not None


def _typed_email() -> str:
    """Return the e-mail address that attempts are counted by; hashed, so that Redis holds no addresses."""
    return hashlib.sha256(normal_email(request.form.get("email", "")).encode("utf-8", "replace")).hexdigest()


def _is_failure(response: Response) -> bool:
    return response.status_code == UNPROCESSABLE


@blueprint.route("/sign-in", methods=["GET", "POST"])
@limiter.limit(MAX_PER_ADDRESS, methods=["POST"])
@limiter.limit(MAX_PER_EMAIL, key_func=_typed_email, methods=["POST"], deduct_when=_is_failure)
def sign_in() -> ResponseReturnValue:
    form = SignInForm()
    if request.method == "GET":
        form.next.data = request.args.get("next", "")
    if current_user.is_authenticated:
        return _continue(form)
    if request.method == "GET":
        return page(form)
    if not form.validate():
        return page(form), UNPROCESSABLE
    signed_in = administration.sign_in(
        form.email.data or "", form.password.data or "", request.user_agent.string, now=datetime.now(UTC)
    )
    if signed_in is None:
        return page(form, gettext("This e-mail address and password do not fit together.")), UNPROCESSABLE
    _begin_session(User.of(signed_in))
    return _continue(form)


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    if current_user.is_authenticated:
        administration.sign_out(
            services().publisher,
            current_user.id,
            current_user.sign_in_id,
            actor=current_user.email,
            now=datetime.now(UTC),
        )
    session.clear()
    return redirect(url_for("auth.sign_in"))


def page(form: SignInForm, problem: str | None = None) -> str:
    return render_template("auth/sign_in.html", form=form, problem=problem)


def _begin_session(user: User) -> None:
    """Sign a user in. Nothing of the earlier cookie is kept, its form token included."""
    session.clear()
    session.permanent = True
    login_user(user)


def _continue(form: SignInForm) -> ResponseReturnValue:
    target = form.next.data or ""
    return redirect(target if is_safe(target) else url_for("sessions.index"))
