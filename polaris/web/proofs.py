"""Proofs of a second factor as forms send them, and what a browser needs to ask for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Response, request

from polaris.administration.second_factors import factors
from polaris.administration.second_factors.passkeys import request_options
from polaris.administration.second_factors.sealing import Sealing
from polaris.administration.second_factors.sign_in import CodeProof, PasskeyProof, Proof
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web import security_events, sign_in_limits
from polaris.web.relying_party import new_challenge, required_party, sent_answer

T = TypeVar("T")


def sealing() -> Sealing:
    return Sealing(services().config.secret_key)


def sent_proof() -> Proof | None:
    """Return the proof that a form has sent; None if it is too late for it."""
    if "credential" not in request.form:
        return CodeProof(request.form.get("recovery_code") or request.form.get("code", ""), sealing())
    answer = sent_answer()
    return None if answer is None else PasskeyProof(answer)


def counted(email: str, proof: Proof, use: Callable[[Proof], T | None]) -> T | None:
    """Use a proof of an account; answer 429 if there were too many that did not hold."""
    with sign_in_limits.second_factor(email, proof.kind) as guess:
        used = use(proof)
        guess.is_right = bool(used)
    if not used:
        security_events.second_factor_failed(email, proof.kind)
    return used


def problems() -> dict[str, str]:
    """Say why the proof that was sent was not taken, under the name of its field."""
    if "credential" in request.form:
        return {"credential": gettext("This passkey could not be checked. Please try again.")}
    if "recovery_code" in request.form:
        return {"recovery_code": gettext("This recovery code does not fit, or it was used before. Try another one.")}
    return {"code": gettext("This code does not fit, or it was used before. Wait for the next one, then try again.")}


def options_for(account_id: int | None) -> Response:
    """Answer with the options to ask for one of the account's passkeys, or, for None, for any that signs in alone."""
    own = [] if account_id is None else [passkey.credential_id for passkey in factors.factors(account_id).passkeys]
    options = request_options(required_party(), new_challenge(), own, alone=account_id is None)
    return Response(options, mimetype="application/json")
