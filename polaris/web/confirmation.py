"""Asking again for a proof, before what cannot be undone, if the last one is some minutes old.

An account with a second factor proves that, and another one its password: a stolen password alone changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from types import MappingProxyType
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.administration.second_factors import factors
from polaris.administration.second_factors.sign_in import confirm, confirm_by_password
from polaris.rendering.translations import gettext
from polaris.web import auth, operator_mfa, proofs, security_events, sign_in_limits
from polaris.web.relying_party import relying_party
from polaris.web.security import requested_path, send_to

LIFETIME = timedelta(minutes=10)  # of a proof: for longer, a browser that was left alone could be used by another

blueprint = Blueprint("confirmation", __name__, url_prefix="/confirm")


def confirmed(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Let a view be used only if its user has proved to be at the device within the last minutes.

    A form that is refused is to be sent again: it leads back to the page that it is on.
    """

    @wraps(view)
    @login_required
    def ask_first(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        return ask_again() or view(*args, **kwargs)

    return ask_first


def ask_again() -> ResponseReturnValue | None:
    """Send the browser to the page that asks for a proof, unless the last one is fresh."""
    if datetime.now(UTC) - current_user.confirmed_at < LIFETIME:
        return None
    return send_to(url_for("confirmation.show", next=requested_path()))


@blueprint.get("")
@login_required
def show() -> ResponseReturnValue:
    return _page(request.args.get("next", ""))


@blueprint.post("")
@login_required
def check() -> ResponseReturnValue:
    target = request.form.get("next", "")
    problems = _check_factor() if factors.has_factor(current_user.id) else _check_password()
    if problems:
        return _page(target, problems), auth.UNPROCESSABLE
    return redirect(target if auth.is_safe(target) else url_for("account.show"))


@blueprint.post("/options")
@login_required
def options() -> ResponseReturnValue:
    return proofs.options_for(current_user.id)


def _check_factor() -> dict[str, str]:
    """Return why the proof was not taken, by field; nothing if it was."""
    proof = proofs.sent_proof()
    is_taken = proof and proofs.counted(
        current_user.email,
        proof,
        lambda proof: confirm(current_user.id, current_user.sign_in_id, proof, now=datetime.now(UTC)),
    )
    return {} if is_taken else proofs.problems()


def _check_password() -> dict[str, str]:
    password = request.form.get("password", "")
    with sign_in_limits.guess(current_user.email) as guess:
        guess.is_right = confirm_by_password(current_user.id, current_user.sign_in_id, password, now=datetime.now(UTC))
    if guess.is_right:
        return {}
    security_events.sign_in_failed(current_user.email)
    return {"password": gettext("This is not your password.")}


def _page(target: str, problems: Mapping[str, str] = MappingProxyType({})) -> str:
    own = factors.factors(current_user.id)
    return render_template(
        "auth/confirm.html",
        factors=own,
        next=target,
        problems=problems,
        site=relying_party(),
        is_setup_due=operator_mfa.is_due(),
    )
