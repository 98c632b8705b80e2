"""Signing in and out: one row per device, and a new cookie with each sign-in."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user

from polaris import administration
from polaris.administration import HalfSignedIn, SignedIn
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web import half_signed_in, security_events, sign_in_limits
from polaris.web.first_page import home_url
from polaris.web.forms import SignInForm
from polaris.web.headers import signed_out
from polaris.web.relying_party import relying_party
from polaris.web.security import User

UNPROCESSABLE = 422

blueprint = Blueprint("auth", __name__)


def is_safe(target: str) -> bool:
    """Tell whether a redirect target is a path of this site, and not spelled so that a browser would leave it."""
    return re.fullmatch(r"/(?![/\\])[^\x00-\x20\x7f\\]*", target) is not None


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    form = SignInForm()
    is_sent = request.method == "POST"
    if not is_sent:
        form.next.data = request.args.get("next", "")
    if current_user.is_authenticated:
        return _continue(form.next.data or "")
    if not is_sent:
        return page(form)
    if not form.validate():
        return page(form), UNPROCESSABLE
    signed_in = _check_password(form)
    if signed_in is None:
        return page(form, gettext("This e-mail address and password do not fit together.")), UNPROCESSABLE
    target = form.next.data or ""
    if isinstance(signed_in, HalfSignedIn):
        half_signed_in.begin(signed_in, target)
        return redirect(url_for("second_step.show"))
    return begin_session(signed_in, target)


def sign_in_instead(email: str, password: str) -> ResponseReturnValue:
    """Sign an account in whose password was just set, in the place of whoever was signed in on this device."""
    now = datetime.now(UTC)
    if current_user.is_authenticated:
        leaving = current_user
        administration.sign_out(services().publisher, leaving.id, leaving.sign_in_id, actor=leaving.email, now=now)
    signed_in = administration.sign_in(email, password, request.user_agent.string, now=now)
    if isinstance(signed_in, HalfSignedIn):
        half_signed_in.begin(signed_in, "")
        return redirect(url_for("second_step.show"))
    if signed_in is None:
        return redirect(url_for(".sign_in"))  # the password has changed again in this moment
    return begin_session(signed_in, "")


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
    return signed_out()


def _check_password(form: SignInForm) -> SignedIn | HalfSignedIn | None:
    email = form.email.data or ""
    with sign_in_limits.guess(email) as guess:
        signed_in = administration.sign_in(
            email, form.password.data or "", request.user_agent.string, now=datetime.now(UTC)
        )
        guess.is_right = signed_in is not None
    if signed_in is None:
        security_events.sign_in_failed(email)
    return signed_in


def asked_next(otherwise: str) -> str:
    """Return where a form was asked to lead, if that is a path of ours."""
    target = request.values.get("next", "")
    return target if is_safe(target) else otherwise


def page(form: SignInForm, problem: str | None = None) -> str:
    return render_template("auth/sign_in.html", form=form, problem=problem, has_passkeys=relying_party() is not None)


def begin_session(signed_in: SignedIn, target: str) -> ResponseReturnValue:
    """Sign a user in. Nothing of the earlier cookie is kept, its form token included."""
    session.clear()
    session.permanent = True
    login_user(User.of(signed_in))
    sign_in_limits.remember_device(signed_in.email)
    return _continue(target)


def _continue(target: str) -> ResponseReturnValue:
    return redirect(target if is_safe(target) else home_url())
