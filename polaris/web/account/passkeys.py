"""The user's passkeys: added, which the browser does with `static/js/passkeys.js`, and removed."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from polaris.administration import Refused
from polaris.administration.second_factors import changes, factors
from polaris.administration.second_factors.changes import LastFactor
from polaris.administration.second_factors.passkeys import creation_options, credential_id
from polaris.domain.sentences import say
from polaris.rendering.devices import device_label
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web import auth, operator_mfa
from polaris.web.account.second_factor import added, already_added, owner, removal_page, removed
from polaris.web.confirmation import confirmed
from polaris.web.relying_party import new_challenge, required_party, sent_answer

blueprint = Blueprint("passkeys", __name__, url_prefix="/account/second-factor/passkeys")


@blueprint.get("")
@confirmed
def new() -> ResponseReturnValue:
    required_party()
    return _page()


@blueprint.post("/options")
@confirmed
def options() -> ResponseReturnValue:
    made = creation_options(required_party(), new_challenge(), current_user.id, current_user.email, _own_ids())
    return Response(made, mimetype="application/json")


@blueprint.post("")
@confirmed
def add() -> ResponseReturnValue:
    if credential_id(request.form.get("credential", "")) in _own_ids():
        return already_added(gettext("You have this passkey already."))
    answer, name = sent_answer(), request.form.get("name", "").strip() or _label()
    try:
        if answer is None:
            raise Refused(say("The challenge has expired."))
        codes = changes.add_passkey(services().publisher, owner(), answer, name, now=datetime.now(UTC))
    except Refused:
        return _page(gettext("The passkey was not added. Please try again.")), auth.UNPROCESSABLE
    return added(codes, gettext("The passkey is added."))


@blueprint.route("/<id:passkey_id>/removal", methods=["GET", "POST"])
@confirmed
def remove(passkey_id: int) -> ResponseReturnValue:
    own = factors.factors(current_user.id).passkeys
    passkey = next((passkey for passkey in own if passkey.id == passkey_id), None) or abort(404)
    question = gettext("Remove the passkey “%(name)s”?", name=passkey.name)
    if request.method != "POST":
        return removal_page(question)
    try:
        changes.remove_passkey(
            services().publisher, owner(), passkey.id, must_keep_one=operator_mfa.is_required(), now=datetime.now(UTC)
        )
    except LastFactor:
        return removal_page(question, is_last=True), auth.UNPROCESSABLE
    return removed(gettext("The passkey is removed."))


def _own_ids() -> list[str]:
    return [passkey.credential_id for passkey in factors.factors(current_user.id).passkeys]


def _page(problem: str | None = None) -> str:
    return render_template("account/passkey.html", name=_label(), problem=problem)


def _label() -> str:
    return device_label(request.user_agent.string)
