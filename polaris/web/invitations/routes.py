"""An invitation's page. Opening it uses nothing up, since mail scanners do; sending the password does.

Every link that is not good, for whichever reason, has the same page.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from polaris.administration.invitations import Invited, NoLongerGood, accept, invited
from polaris.web import auth, sign_in_limits
from polaris.web.answers import ClosedLink, closed_link
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
        if not (form.validate() and form.is_taken(partial(_accept, token))):
            return _page(invitation, form), auth.UNPROCESSABLE
    except NoLongerGood:
        return closed_link(ClosedLink.INVITATION)
    return auth.sign_in_instead(invitation.email, form.new.data or "")


def _accept(token: str, password: str) -> None:
    accept(token, password, now=datetime.now(UTC))


def _page(invitation: Invited, form: NewPasswordForm) -> str:
    return render_template("invitations/show.html", invitation=invitation, form=form)
