"""Forgotten passwords. The answer to who asks for a link is the same for every address, and so is what is done for it.

Opening the link uses nothing up, since mail scanners do; sending the password does. Every link that is not good, for
whichever reason, has the same page.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from polaris.administration import own_passwords
from polaris.administration.invitations import NoLongerGood
from polaris.administration.own_passwords import Link
from polaris.domain.email_addresses import normal_email
from polaris.rendering.translations import gettext, locale
from polaris.services import services
from polaris.web import auth, security_events, sign_in_limits
from polaris.web.answers import ClosedLink, closed_link
from polaris.web.attempts import Allowance
from polaris.web.forms import ForgottenForm, NewPasswordForm
from polaris.web.security import client_address

OF_ADDRESS = Allowance("links", 3, 3600)  # of an e-mail address: more would only fill its mailbox
OF_NETWORK = Allowance("links-network", 20, 3600)  # not fewer: many drivers share the address of their mobile network

blueprint = Blueprint("password_reset", __name__)


@blueprint.route("/forgotten-password", methods=["GET", "POST"])
def ask() -> ResponseReturnValue:
    """Show the form; if it was sent, have a link mailed to the address if it is an account's."""
    config = services().config
    form = ForgottenForm()
    if config.smtp_url is None or request.method != "POST":
        return render_template("password_reset/ask.html", form=form, config=config)
    if not form.validate():
        return render_template("password_reset/ask.html", form=form, config=config), auth.UNPROCESSABLE
    email = normal_email(form.email.data or "")
    sign_in_limits.require(OF_NETWORK, "", client_address())
    sign_in_limits.require(OF_ADDRESS, email, email)
    own_passwords.ask_for_link(email, locale(), mail_secret=config.secret_key[-1], now=datetime.now(UTC))
    security_events.password_link_asked(email)
    flash(gettext("If there is an account with this address, a link for a new password is on its way to it."))
    return redirect(url_for("auth.sign_in"))


@blueprint.route("/password/<token>", methods=["GET", "POST"])
def choose(token: str) -> ResponseReturnValue:
    """Show whose password it is; if a new one was sent, set it and sign in, with the second factor if there is one."""
    sign_in_limits.nameless()
    try:
        link = own_passwords.opened(token, now=datetime.now(UTC))
        form = NewPasswordForm()
        if request.method != "POST":
            return _page(link, form)
        if not (form.validate() and form.is_taken(partial(_choose, token))):
            return _page(link, form), auth.UNPROCESSABLE
    except NoLongerGood:
        return closed_link(ClosedLink.PASSWORD)
    return auth.sign_in_instead(link.email, form.new.data or "")


def _choose(token: str, password: str) -> None:
    own_passwords.choose(services().publisher, token, password, now=datetime.now(UTC))


def _page(link: Link, form: NewPasswordForm) -> str:
    return render_template("password_reset/choose.html", link=link, form=form)
