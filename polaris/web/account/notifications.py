"""The page of notices: the occasions by mail and by pushes to this device. Off until they are chosen."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris import unsubscribing, vapid
from polaris.administration import Refused, notices
from polaris.administration.notices import Device
from polaris.domain.notices import Channel, Occasion
from polaris.domain.sentences import N_
from polaris.rendering.translations import gettext, locale
from polaris.services import services
from polaris.web import sign_in_limits
from polaris.web.answers import ClosedLink, closed_link
from polaris.web.security import csrf

OCCASIONS = {
    Occasion.ENDED: N_("Charging has ended"),
    Occasion.LIMIT: N_("Charging has stopped by itself at my limit"),
    Occasion.NOT_STOPPED: N_("A stop that I asked for did not work"),
    Occasion.OFFLINE: N_("The charger has been offline for five minutes while I charge"),
}

blueprint = Blueprint("notifications", __name__)


@blueprint.get("/account/notifications")
@login_required
def show() -> ResponseReturnValue:
    wanted = notices.wanted(current_user.id, current_user.sign_in_id, _server_key())
    return render_template(
        "account/notifications.html",
        wanted=wanted,
        occasions={occasion: gettext(words) for occasion, words in OCCASIONS.items()},
        channels=_channels(),
        server_key=_server_key(),
    )


@blueprint.post("/account/notifications")
@login_required
def choose() -> ResponseReturnValue:
    """Store the choices; those of a channel that is not offered are left out."""
    names = set(request.form.getlist("choice"))
    offered = [(occasion, channel) for occasion in OCCASIONS for channel in _channels()]
    chosen = frozenset(choice for choice in offered if "-".join(choice) in names)
    notices.choose(current_user.id, chosen, locale(), now=datetime.now(UTC))
    flash(gettext("Saved."))
    return redirect(url_for(".show"), 303)


@blueprint.post("/account/notifications/device")
@login_required
def switch_on() -> ResponseReturnValue:
    """Let this device take pushes, as its browser says."""
    if Channel.PUSH not in _channels():
        abort(404)
    device = Device(*(request.form.get(name, "") for name in ("endpoint", "p256dh", "auth")))
    try:
        notices.subscribe(current_user.id, current_user.sign_in_id, device, _server_key(), now=datetime.now(UTC))
        flash(gettext("This device is told, as long as you are signed in on it."))
    except Refused:
        flash(gettext("This browser cannot be reached by its push service."), "bad")
    return redirect(url_for(".show"), 303)


@blueprint.post("/account/notifications/device/removal")
@login_required
def switch_off() -> ResponseReturnValue:
    notices.unsubscribe(current_user.id, current_user.sign_in_id, now=datetime.now(UTC))
    flash(gettext("This device is told nothing any more."))
    return redirect(url_for(".show"), 303)


@blueprint.get(f"{unsubscribing.PATH}<token>")
def unsubscribe_page(token: str) -> ResponseReturnValue:
    """Ask for the press of a button: mail scanners open links."""
    account_id = _account_of(token)
    is_mailed = None if account_id is None else notices.is_mailed(account_id)
    if is_mailed is None:
        return closed_link(ClosedLink.UNSUBSCRIBING)
    return render_template("account/unsubscribe.html", is_mailed=is_mailed)


@blueprint.post(f"{unsubscribing.PATH}<token>")
@csrf.exempt  # a mail program presses it, too (RFC 8058); who has the token may
def unsubscribe(token: str) -> ResponseReturnValue:
    account_id = _account_of(token)
    if account_id is None or notices.is_mailed(account_id) is None:
        return closed_link(ClosedLink.UNSUBSCRIBING)
    notices.mail_no_more(account_id, now=datetime.now(UTC))
    return render_template("account/unsubscribe.html", is_mailed=False)


def _account_of(token: str) -> int | None:
    sign_in_limits.nameless()
    return unsubscribing.account_of(services().config.secret_key, token)


def _server_key() -> str:
    return vapid.public_key(services().config.secret_key[-1])


def _channels() -> tuple[Channel, ...]:
    """Return the channels that this installation has."""
    config = services().config
    has = {Channel.MAIL: config.smtp_url is not None, Channel.PUSH: bool(config.site_url)}
    return tuple(channel for channel in Channel if has[channel])
