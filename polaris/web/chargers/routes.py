"""A charger's page, for operators. For anybody else who is signed in it is as little there as any page that is not."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.domain.words import Role
from polaris.live import charger_page, snapshot
from polaris.services import services

blueprint = Blueprint("chargers", __name__, url_prefix="/fleet")


@blueprint.get("/<identity>")
@login_required
def show(identity: str) -> ResponseReturnValue:
    if current_user.role is not Role.OPERATOR:
        abort(404)
    before = snapshot.number(request.args.get("before", ""))
    charger_id = charger_page.charger_id(identity)
    charger = charger_id and charger_page.read(charger_id, datetime.now(UTC), before=before)
    if not charger:
        abort(404)
    return render_template(
        "chargers/show.html",
        charger=charger,
        messages=charger_page.messages(charger, services().tails),
        viewer=current_user.viewer,
        operator_contact=services().config.operator_contact,
        before=before,
        older_url=url_for(".show", identity=identity, before=charger.past[-1].number) if charger.has_older else None,
        newest_url=url_for(".show", identity=identity) if before is not None else None,
    )
