"""The second step of signing in, and signing in by a passkey alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from polaris.administration import SignedIn
from polaris.administration.second_factors import factors
from polaris.administration.second_factors.sign_in import CodeProof, finish_sign_in, sign_in_with_passkey
from polaris.rendering.translations import gettext, ngettext
from polaris.services import services
from polaris.web import auth, proofs, security_events, sign_in_limits
from polaris.web.first_page import home_url
from polaris.web.forms import SignInForm
from polaris.web.half_signed_in import half_signed_in, next_path
from polaris.web.relying_party import relying_party, sent_answer

blueprint = Blueprint("second_step", __name__, url_prefix="/sign-in")


@blueprint.get("/second-step")
def show() -> ResponseReturnValue:
    return _page() if half_signed_in() else _start_again()


@blueprint.post("/second-step")
def finish() -> ResponseReturnValue:
    half, proof = half_signed_in(), proofs.sent_proof()
    if half is None:
        return _start_again()
    signed_in = proof and proofs.counted(
        half.email,
        proof,
        lambda proof: finish_sign_in(half, proof, request.user_agent.string, now=datetime.now(UTC)),
    )
    if not signed_in:
        return _page(proofs.problems()), auth.UNPROCESSABLE
    answer = auth.begin_session(signed_in, next_path())
    if isinstance(proof, CodeProof) and proof.is_recovery_code:
        _tell_codes_left(signed_in)
    return answer


@blueprint.post("/second-step/options")
def options() -> ResponseReturnValue:
    half = half_signed_in()
    return proofs.options_for(half.account_id) if half else abort(401)


@blueprint.post("/passkey")
def passkey() -> ResponseReturnValue:
    sign_in_limits.nameless()
    if current_user.is_authenticated:
        return redirect(home_url())
    answer = sent_answer()
    signed_in = answer and sign_in_with_passkey(answer, request.user_agent.string, now=datetime.now(UTC))
    if signed_in:
        return auth.begin_session(signed_in, request.form.get("next", ""))
    security_events.second_factor_failed("", "passkey")
    problem = gettext("This passkey does not sign in here. Please sign in with your password.")
    return auth.page(SignInForm(formdata=None, next=request.form.get("next")), problem), auth.UNPROCESSABLE


@blueprint.post("/passkey/options")
def passkey_options() -> ResponseReturnValue:
    return proofs.options_for(None)


def _page(problems: Mapping[str, str] = MappingProxyType({})) -> str:
    half = half_signed_in()
    own = factors.factors(half.account_id) if half else abort(401)
    return render_template(
        "auth/second_step.html",
        factors=own,
        problems=problems,
        site=relying_party(),
        operator_contact=services().config.operator_contact,
    )


def _start_again() -> ResponseReturnValue:
    flash(gettext("That took too long. Please sign in again."), "warn")
    return redirect(url_for("auth.sign_in"))


def _tell_codes_left(signed_in: SignedIn) -> None:
    left = factors.factors(signed_in.account_id).recovery_codes
    text = ngettext(
        "You used a recovery code; %(num)s is left. If you lost a device, remove what was on it from your account.",
        "You used a recovery code; %(num)s are left. If you lost a device, remove what was on it from your account.",
        left,
    )
    flash(text, "warn")
