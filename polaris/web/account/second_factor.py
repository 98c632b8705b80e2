"""The user's second factors: the list, the authenticator app and the recovery codes. `passkeys` has the passkeys."""

from __future__ import annotations

from datetime import UTC, datetime

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from markupsafe import Markup

from polaris.administration import Refused
from polaris.administration.second_factors import app, changes, factors
from polaris.administration.second_factors.changes import LastFactor, Owner
from polaris.administration.second_factors.passkeys import MAX_PASSKEYS
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web import auth, operator_mfa
from polaris.web.confirmation import confirmed
from polaris.web.proofs import sealing
from polaris.web.relying_party import relying_party

blueprint = Blueprint("second_factor", __name__, url_prefix="/account/second-factor")


@blueprint.get("")
@login_required
def show() -> ResponseReturnValue:
    return render_template(
        "account/second_factor.html",
        factors=factors.factors(current_user.id),
        is_required=operator_mfa.is_required(),
        has_passkeys=relying_party() is not None,
        max_passkeys=MAX_PASSKEYS,
    )


@blueprint.get("/app")
@confirmed
def new_app() -> ResponseReturnValue:
    if factors.factors(current_user.id).app is not None:
        return _app_is_there()
    return _app_page(app.new_secret())


@blueprint.post("/app")
@login_required
def add_app() -> ResponseReturnValue:
    """Add the app. A secret that was shown on this device was shown to its confirmed owner, who is not asked again."""
    sealed, code = request.form.get("sealed", ""), request.form.get("code", "")
    secret = changes.offered_secret(owner(), sealed, sealing())
    if secret is None:
        return redirect(url_for("second_factor.new_app", again=1))
    try:
        codes = changes.add_app(services().publisher, owner(), sealed, code, sealing(), now=datetime.now(UTC))
    except Refused:
        if factors.factors(current_user.id).app is not None:
            return _app_is_there()
        problem = gettext("This code does not fit. Enter the one that the app shows now.")
        return _app_page(secret, sealed, problem), auth.UNPROCESSABLE
    return added(codes, gettext("The authenticator app is set up."))


@blueprint.route("/app/removal", methods=["GET", "POST"])
@confirmed
def remove_app() -> ResponseReturnValue:
    if factors.factors(current_user.id).app is None:
        return _back(gettext("You have no authenticator app."))
    if request.method != "POST":
        return removal_page(gettext("Remove your authenticator app?"))
    try:
        changes.remove_app(
            services().publisher, owner(), must_keep_one=operator_mfa.is_required(), now=datetime.now(UTC)
        )
    except LastFactor:
        return removal_page(gettext("Remove your authenticator app?"), is_last=True), auth.UNPROCESSABLE
    return removed(gettext("The authenticator app is removed."))


@blueprint.route("/recovery-codes", methods=["GET", "POST"])
@confirmed
def renew_recovery_codes() -> ResponseReturnValue:
    """Make new codes. The form makes them once: sent again, as by a reload, it would void those just noted."""
    if not factors.has_factor(current_user.id):
        return _back(gettext("Recovery codes come with your first passkey or app."))
    if request.method != "POST":
        return render_template("account/new_recovery_codes.html", replaced=changes.recovery_codes_mark(current_user.id))
    try:
        return _codes_page(
            changes.renew_recovery_codes(owner(), request.form.get("replaced", ""), now=datetime.now(UTC))
        )
    except Refused:
        return _back(gettext("Your recovery codes have changed since. If you have not noted them, make new ones here."))


def owner() -> Owner:
    return Owner(current_user.id, current_user.sign_in_id, current_user.email)


def added(codes: tuple[str, ...], text: str) -> ResponseReturnValue:
    """Answer that a factor was added; with the recovery codes that came with the first one, shown this once."""
    if codes:
        return _codes_page(codes, text)
    return _back(text)


def already_added(text: str) -> ResponseReturnValue:
    """Answer a form that was sent again, as by a reload of the page with the recovery codes."""
    advice = gettext("If you have no recovery codes, make new ones here.")
    return _back(f"{text} {advice}")


def removed(text: str) -> ResponseReturnValue:
    more = gettext("Your other devices are signed out.")
    return _back(f"{text} {more}")


def removal_page(question: str, *, is_last: bool = False) -> str:
    left = factors.factors(current_user.id)
    is_only = len(left.passkeys) + (left.app is not None) == 1
    return render_template("account/removal.html", question=question, is_only=is_only, is_last=is_last)


def _codes_page(codes: tuple[str, ...], text: str | None = None) -> str:
    site = services().config.site_url or request.host_url.removesuffix("/")
    return render_template("account/recovery_codes.html", codes=codes, text=text, site=site)


def _back(text: str) -> ResponseReturnValue:
    flash(text)
    return redirect(url_for("second_factor.show"))


def _app_is_there() -> ResponseReturnValue:
    return already_added(gettext("You have an authenticator app already."))


def _app_page(secret: str, sealed: str | None = None, problem: str | None = None) -> str:
    """Show a secret, sealed as it was when it was first shown: with each seal, its lifetime would begin anew."""
    uri = app.uri(secret, current_user.email)
    qr_code = segno.make(uri, micro=False)
    return render_template(
        "account/app.html",
        qr_code=Markup(qr_code.svg_inline(omitsize=True, svgclass="qr-code", lineclass=None)),  # noqa: S704 - drawn here
        uri=uri,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        sealed=sealed or changes.offer(owner(), secret, sealing()),
        problem=problem,
        is_late="again" in request.args,
    )
