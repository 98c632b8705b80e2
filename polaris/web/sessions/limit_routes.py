"""The limit of a driver's own session: a page with its form, which asks before a limit that is reached already."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.domain.limit import Limit, LimitKind
from polaris.ingest.requests.set_limits import LimitRefusal
from polaris.ingest.session_limits import SessionLimits
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web.answers import in_place
from polaris.web.auth import UNPROCESSABLE
from polaris.web.sessions import limit, limit_queries
from polaris.web.sessions.limit_queries import Limited

STATUS = {
    LimitRefusal.ACCOUNT_INACTIVE: 403,
    LimitRefusal.SESSION_ENDED: 409,
    LimitRefusal.BEING_STOPPED: 409,
}

blueprint = Blueprint("limits", __name__, url_prefix="/sessions")


@blueprint.get("/<number>/limit")
@login_required
def show(number: str) -> ResponseReturnValue:
    session = _own(number)
    return _not_found() if session is None else _form(session)


@blueprint.post("/<number>/limit")
@login_required
def set_limit(number: str) -> ResponseReturnValue:
    """Set the limit. Ownership, account and session are checked now, not when the form was rendered."""
    session, now = _own(number), datetime.now(UTC)
    if session is None:
        return _not_found()
    wanted = limit.parse(request.form.get("kind", ""), request.form.get("value", ""), session.zone, now)
    if wanted is None:
        return _form(session, _words(LimitRefusal.INVALID)), UNPROCESSABLE
    refusal = SessionLimits(services().publisher).set_limit(
        session.number,
        current_user.id,
        wanted,
        now,
        is_agreed=request.form.get("agreed") == "yes",
        is_of_card=request.form.get("always") == "yes",
    )
    return _answered(session, refusal, wanted)


@blueprint.post("/<number>/limit/removal")
@login_required
def remove_limit(number: str) -> ResponseReturnValue:
    session = _own(number)
    if session is None:
        return _not_found()
    refusal = SessionLimits(services().publisher).remove_limit(session.number, current_user.id, datetime.now(UTC))
    return _answered(session, refusal)


def _answered(session: Limited, refusal: LimitRefusal | None, wanted: Limit | None = None) -> ResponseReturnValue:
    if refusal is None:
        return redirect(url_for("sessions.show", number=session.number), 303)
    if refusal is LimitRefusal.NOT_FOUND:
        return _not_found()
    if refusal in STATUS:
        link = {"link_url": url_for("sessions.show", number=session.number), "link_text": gettext("To the session")}
        title = gettext("Nothing was changed")
        return in_place("errors/error.html", STATUS[refusal], title=title, text=_words(refusal), **link)
    return _form(session, _words(refusal), wanted if refusal is LimitRefusal.REACHED else None), UNPROCESSABLE


def _form(session: Limited, problem: str = "", reached: Limit | None = None) -> str:
    """Render the form; `reached` is the limit that the session has come to already, which has to be agreed to."""
    kind = request.form.get("kind", session.limit.kind if session.limit else LimitKind.ENERGY)
    text = request.form.get("value", limit.typed(session.limit, session.zone) if session.limit else "")
    return render_template(
        "sessions/limit.html",
        session=session,
        kind=kind if kind in session.kinds else LimitKind.ENERGY,
        text=text[: limit.MAX_LENGTH],
        is_always=request.form.get("always") == "yes",
        problem=problem,
        reached=reached,
        max_length=limit.MAX_LENGTH,
    )


def _own(number: str) -> Limited | None:
    return limit_queries.own(number, current_user.id)


def _not_found() -> ResponseReturnValue:
    title, text = gettext("Session not found"), gettext("There is no session here that you can see.")
    return in_place("errors/error.html", 404, title=title, text=text)


def _words(refusal: LimitRefusal) -> str:
    words = {
        LimitRefusal.ACCOUNT_INACTIVE: gettext("Your account is not active, so you cannot set a limit."),
        LimitRefusal.SESSION_ENDED: gettext("The session has ended already."),
        LimitRefusal.BEING_STOPPED: gettext("The charger is being asked to stop already."),
        LimitRefusal.NO_PRICE: gettext("This session has no price."),
        LimitRefusal.NO_SOC: gettext("This charger does not report the state of charge."),
        LimitRefusal.REACHED: gettext("This session has come to that already. Stop it now?"),
    }
    return words.get(refusal) or gettext("Enter a number like 20 or 7.5, or a time like 18:30.")
