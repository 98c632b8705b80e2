"""The user's second factors: the list, the authenticator app and the recovery codes. `passkeys` has the passkeys."""

from __future__ import annotations

from datetime import UTC, datetime

import segno
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user, login_required
from markupsafe import Markup

from polaris.administration import Refused
from polaris.administration.second_factors import app, changes, factors
from polaris.administration.second_factors.changes import LastFactor, Owner
from polaris.administration.second_factors.passkeys import MAX_PASSKEYS
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
        abort(404)
    return _app_page(app.new_secret())


@blueprint.post("/app")
@confirmed
def add_app() -> ResponseReturnValue:
    if factors.factors(current_user.id).app is not None:
        abort(404)
    sealed, code = request.form.get("sealed", ""), request.form.get("code", "")
    try:
        codes = changes.add_app(services().publisher, owner(), sealed, code, sealing(), now=datetime.now(UTC))
    except Refused:
        secret = changes.offered_secret(current_user.id, sealed, sealing())
        if secret is None:
            problem = gettext("This took too long. Add the new key to your app, and enter the code that it shows now.")
            return _app_page(app.new_secret(), problem=problem), auth.UNPROCESSABLE
        problem = gettext("This code does not fit. Enter the one that the app shows now.")
        return _app_page(secret, sealed, problem), auth.UNPROCESSABLE
    return added(codes, gettext("The authenticator app is set up."))


@blueprint.route("/app/removal", methods=["GET", "POST"])
@confirmed
def remove_app() -> ResponseReturnValue:
    if factors.factors(current_user.id).app is None:
        abort(404)
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
    if not factors.has_factor(current_user.id):
        abort(404)
    if request.method != "POST":
        return render_template("account/new_recovery_codes.html")
    return render_template(
        "account/recovery_codes.html", codes=changes.renew_recovery_codes(owner(), now=datetime.now(UTC))
    )


def owner() -> Owner:
    return Owner(current_user.id, current_user.sign_in_id, current_user.email)


def added(codes: tuple[str, ...], text: str) -> ResponseReturnValue:
    """Answer that a factor was added; with the recovery codes that came with the first one, shown this once."""
    if codes:
        return render_template("account/recovery_codes.html", codes=codes, text=text)
    flash(text)
    return redirect(url_for("second_factor.show"))


def removed(text: str) -> ResponseReturnValue:
    flash(f"{text} {gettext('Your other devices are signed out.')}")
    return redirect(url_for("second_factor.show"))


def removal_page(question: str, *, is_last: bool = False) -> str:
    left = factors.factors(current_user.id)
    is_only = len(left.passkeys) + (left.app is not None) == 1
    return render_template("account/removal.html", question=question, is_only=is_only, is_last=is_last)


def _app_page(secret: str, sealed: str | None = None, problem: str | None = None) -> str:
    """Show a secret, sealed as it was when it was first shown: with each seal, its lifetime would begin anew."""
    uri = app.uri(secret, current_user.email)
    qr_code = segno.make(uri, micro=False)
    return render_template(
        "account/app.html",
        qr_code=Markup(qr_code.svg_inline(omitsize=True, svgclass="qr-code", lineclass=None)),  # noqa: S704 - drawn here
        uri=uri,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        sealed=sealed or sealing().seal(current_user.id, secret),
        problem=problem,
    )
