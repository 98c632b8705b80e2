"""A charger's page. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.rendering.fragments import in_place
from polaris.services import services
from polaris.web.chargers import fragments, queries
from polaris.web.commands import queries as command_queries
from polaris.web.commands import view as command_view
from polaris.web.security import ask_to_sign_in, count_as_automatic, require_operator
from polaris.web.sessions import queries as session_queries

MAX_SEARCH_LENGTH = 100

blueprint = Blueprint("chargers", __name__, url_prefix="/fleet")


@blueprint.get("/<identity>")
@login_required
def show(identity: str) -> ResponseReturnValue:
    require_operator()
    before = session_queries.parse_number(request.args.get("before", ""))
    charger_id = queries.charger_id(identity)
    charger = charger_id and queries.charger_view(charger_id, datetime.now(UTC), before=before)
    if not charger:
        abort(404)
    settings_version = queries.settings_version(charger.id)  # before the list, which is then of this or a newer one
    past_url = partial(url_for, ".show", identity=identity, _anchor=f"charger-{charger_id}-sessions")
    return render_template(
        "chargers/show.html",
        charger=charger,
        messages=queries.messages(charger, services().tails),
        settings_version=settings_version,
        settings=queries.settings(charger, *_settings_asked_for()),
        commands=command_queries.lines(charger.id, datetime.now(UTC)),
        command_groups=command_view.titles(),
        viewer=current_user.viewer,
        operator_contact=services().config.operator_contact,
        before=before,
        older_url=past_url(before=charger.past[-1].number) if charger.has_older else None,
        newest_url=past_url() if before is not None else None,
    )


@blueprint.get("/<identity>/settings")
def show_settings(identity: str) -> ResponseReturnValue:
    """Answer with the list alone, for a page that shows an older one and asks by itself."""
    count_as_automatic()
    if not current_user.is_authenticated:
        return ask_to_sign_in()
    require_operator()
    charger_id = queries.charger_id(identity)
    charger = charger_id and queries.charger_view(charger_id, datetime.now(UTC))
    if not charger:
        abort(404)
    version = queries.settings_version(charger.id)
    return in_place(fragments.listed_settings(charger, version, queries.settings(charger, *_settings_asked_for())))


def _settings_asked_for() -> tuple[str, int]:
    """Return the search for settings in the address, and the first that is shown."""
    search = request.args.get("setting", "").strip()[:MAX_SEARCH_LENGTH]
    return search, session_queries.parse_number(request.args.get("setting_from", "")) or 0
