"""The page of a charger's behaviour. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from flask_login import login_required

from polaris.services import services
from polaris.web.security import require_operator

blueprint = Blueprint("behaviour", __name__, url_prefix="/fleet")


@blueprint.get("/<identity>/behaviour")
@login_required
def show(identity: str) -> ResponseReturnValue:
    require_operator()
    behaviour = services().ingest.behaviour(identity, datetime.now(UTC))
    if behaviour is None:
        abort(404)
    return render_template("behaviour/show.html", behaviour=behaviour)
