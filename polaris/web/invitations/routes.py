"""An invitation's page. Opening it uses nothing up, since mail scanners do; sending the password does.

Every link that is not good, for whichever reason, has the same page.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from polaris import administration
from polaris.administration import Refused, SignedIn
from polaris.administration.invitations import Invited, NoLongerGood, accept, invited
from polaris.rendering.translations import said
from polaris.services import services
from polaris.web import auth, sign_in_limits
from polaris.web.answers import closed_link
from polaris.web.forms import NewPasswordForm

blueprint = Blueprint("invitations", __name__, url_prefix="/invitations")


@blueprint.route("/<token>", methods=["GET", "POST"])
def show(token: str) -> ResponseReturnValue:
    """Show who invites, and whom; if a password was sent, make the account and sign it in."""
    sign_in_limits.nameless()
    try:
        invitation = invited(token, now=datetime.now(UTC))
        form = NewPasswordForm()
        if request.method != "POST":
            return _page(invitation, form)
        if not (form.validate() and _accept(token, form)):
            return _page(invitation, form), auth.UNPROCESSABLE
    except NoLongerGood:
        return closed_link(leads_to_account=True)
    return _sign_in(invitation.email, form.new.data or "")


def _accept(token: str, form: NewPasswordForm) -> bool:
    try:
        accept(token, form.new.data or "", now=datetime.now(UTC))
    except NoLongerGood:
        raise
    except Refused as refused:
        form.new.errors = [said(refused.sentence)]
        return False
    return True


def _sign_in(email: str, password: str) -> ResponseReturnValue:
    """Sign the new account in, in the place of whoever was signed in on this device."""
    now = datetime.now(UTC)
    if current_user.is_authenticated:
        leaving = current_user
        administration.sign_out(services().publisher, leaving.id, leaving.sign_in_id, actor=leaving.email, now=now)
    signed_in = administration.sign_in(email, password, request.user_agent.string, now=now)
    if isinstance(signed_in, SignedIn):
        return auth.begin_session(signed_in, "")
    return redirect(url_for("auth.sign_in"))  # an operator has changed the account in this moment


def _page(invitation: Invited, form: NewPasswordForm) -> str:
    return render_template("invitations/show.html", invitation=invitation, form=form)
