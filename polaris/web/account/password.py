"""Changing one's password."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from polaris.administration import Refused, SignedIn, own_passwords
from polaris.administration.second_factors.sign_in import is_password
from polaris.rendering.translations import gettext, said
from polaris.services import services
from polaris.web import auth, security_events, sign_in_limits
from polaris.web.attempts import Allowance
from polaris.web.confirmation import confirmed
from polaris.web.forms import PasswordForm, PresentPasswordForm

CHANGES = Allowance("password-changes", 20, 3600)  # of an account: how easily one is guessed takes long to find out

blueprint = Blueprint("password", __name__, url_prefix="/account/password")


@blueprint.route("", methods=["GET", "POST"])
@confirmed
def change() -> ResponseReturnValue:
    """Show the form; if it was sent, change the password, sign the other devices out, and this one in anew."""
    form = PasswordForm()
    if request.method != "POST":
        return _page(form)
    signed_in = _change(form) if form.validate() and is_owner(form) else None
    if signed_in is None:
        return _page(form), auth.UNPROCESSABLE
    answer = auth.begin_session(signed_in, url_for("account.show"))
    flash(gettext("Your password is changed, and your other devices are signed out."))
    return answer


def is_owner(form: PresentPasswordForm) -> bool:
    """Check the present password; a wrong one is counted, and noted beside its field."""
    with sign_in_limits.guess(current_user.email) as guess:
        guess.is_right = is_password(current_user.id, form.present.data or "")
    if not guess.is_right:
        security_events.sign_in_failed(current_user.email)
        form.present.errors = [gettext("This is not your password.")]
    return guess.is_right


def _change(form: PasswordForm) -> SignedIn | None:
    sign_in_limits.require(CHANGES, current_user.email, current_user.email)
    try:
        return own_passwords.change(
            services().publisher,
            current_user.id,
            current_user.sign_in_id,
            form.new.data or "",
            now=datetime.now(UTC),
        )
    except Refused as error:
        form.new.errors = [said(error.sentence)]
        return None


def _page(form: PasswordForm) -> str:
    return render_template("account/password.html", form=form)
