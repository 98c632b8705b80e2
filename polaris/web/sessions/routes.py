"""Sessions: the list, a session's page, and requests to stop a session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.domain.enums import Role
from polaris.ingest import Refusal
from polaris.lists import session_lines
from polaris.lists.session_lines import SessionLine
from polaris.rendering.fragments import in_place as partials
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web import answers
from polaris.web.answers import in_place, is_htmx
from polaris.web.auth import is_safe
from polaris.web.sessions import fragments, listed, own, queries, readings, receipts, why
from polaris.web.sessions.listed import Wanted
from polaris.web.sessions.point import Point
from polaris.web.sessions.view import SessionView

MAX_READING_ROWS = 5_000  # without it, the page with every reading could take minutes to render
STATUS = {
    None: 200,
    Refusal.ACCOUNT_INACTIVE: 403,
    Refusal.SESSION_ENDED: 409,
    Refusal.COOLING_DOWN: 409,
}

blueprint = Blueprint("sessions", __name__, url_prefix="/sessions")


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    if current_user.role is Role.OPERATOR:
        page = listed.page(Wanted.of(request.args), datetime.now(UTC))
        return answers.listed("sessions/operators.html", page.wanted.sessions, page=page, sites=listed.sites())
    own_page = own.page(Wanted.of_owner(current_user.id, request.args), datetime.now(UTC))
    return answers.listed(
        "sessions/index.html",
        own_page.wanted.sessions,
        page=own_page,
        choices=own.choices(own_page.wanted),
        viewer=current_user.viewer,
    )


@blueprint.get("/<number>")
@login_required
def show(number: str) -> ResponseReturnValue:
    page = _find(number)
    if page is None:
        return _not_found()
    has_all = request.args.get("readings") == "all"
    return _render(page, readings.newest(page.number, MAX_READING_ROWS) if has_all else ())


@blueprint.get("/<number>/why")
@login_required
def show_why(number: str) -> ResponseReturnValue:
    """Show where the session's figures come from, to whoever may see the session."""
    parsed = _visible(number)
    page = parsed and why.why(parsed, datetime.now(UTC), _stale_after())
    if not page:
        return _not_found()
    return render_template("sessions/why.html", why=page, session=page.session)


@blueprint.get("/<number>/receipt")
@login_required
def show_receipt(number: str) -> ResponseReturnValue:
    """Show the session's receipt, to whoever may see the session."""
    parsed = _visible(number)
    page = parsed and receipts.page(parsed, datetime.now(UTC), _stale_after())
    return render_template("sessions/receipt.html", page=page) if page else _not_found()


@blueprint.post("/<number>/stop_requests")
@login_required
def request_stop(number: str) -> ResponseReturnValue:
    """Request a stop. Ownership and account status are checked now, not when the page was rendered."""
    refusal = services().ingest.request_stop(queries.parse_number(number) or 0, current_user.id, datetime.now(UTC))
    page = None if refusal is Refusal.NOT_FOUND else _find(number)
    if page is None:
        return _not_found()
    if is_htmx():
        contact = services().config.operator_contact
        changed = fragments.session(page) | fragments.stop(page, current_user.viewer, contact)
        return partials(changed), STATUS[refusal]
    if refusal is not None:
        return _render(page), STATUS[refusal]
    next_path = request.form.get("next", "")  # an operator may have come from the charger's page
    return redirect(next_path if is_safe(next_path) else url_for(".show", number=page.number), 303)


def _find(number: str) -> SessionView | None:
    """Read a session if the user may see it."""
    parsed = _visible(number)
    return None if parsed is None else queries.session_view(parsed, datetime.now(UTC), _stale_after())


def _visible(number: str) -> int | None:
    """Parse the number of a session; return None if there is none that the user may see."""
    parsed = queries.parse_number(number)
    return parsed if parsed and queries.visible(parsed, current_user.id, current_user.role) else None


def _stale_after() -> timedelta:
    return timedelta(seconds=services().config.stale_after_s)


def _render(page: SessionView, every_reading: tuple[Point, ...] = ()) -> str:
    return render_template(
        "sessions/show.html",
        session=page,
        every_reading=every_reading,
        viewer=current_user.viewer,
        operator_contact=services().config.operator_contact,
        whose=_whose(page.number),
    )


def _whose(number: int) -> SessionLine | None:
    """Return who charges where, for an operator: a driver knows it."""
    if current_user.role is not Role.OPERATOR:
        return None
    return next(iter(session_lines.of_numbers([number], datetime.now(UTC))), None)


def _not_found() -> ResponseReturnValue:
    title, text = gettext("Session not found"), gettext("There is no session here that you can see.")
    return in_place("errors/error.html", 404, title=title, text=text)
