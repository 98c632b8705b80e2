"""The forms of the commands to a charger, their presses, and the older commands. Operators only; others get 404."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.domain.commands import parameters
from polaris.domain.commands.catalog import KINDS
from polaris.domain.sentences import N_, say
from polaris.ingest import CommandRefusal, Interrupts, RequestTerms
from polaris.rendering.translations import gettext, said
from polaris.services import services
from polaris.web import auth
from polaris.web.commands import queries, view
from polaris.web.commands.queries import CommandedCharger
from polaris.web.commands.view import CommandForm
from polaris.web.security import require_operator
from polaris.web.sessions.queries import parse_number

SENT = N_("%(command)s was asked of %(charger)s. What becomes of it stands on the charger's page.")
KEY = re.compile(r"[A-Za-z0-9_-]{20,64}")
CONFLICT = 409

blueprint = Blueprint("commands", __name__, url_prefix="/fleet/<identity>/commands")


@blueprint.before_request
@login_required
def _refuse_others() -> None:
    require_operator()


@blueprint.get("")
def index(identity: str) -> ResponseReturnValue:
    """List a charger's commands, the newest or those below a number."""
    page = queries.page(identity, parse_number(request.args.get("before", "")), datetime.now(UTC))
    if page is None:
        abort(404)
    return render_template("commands/index.html", page=page)


@blueprint.get("/<id:command_id>")
def show_command(identity: str, command_id: int) -> ResponseReturnValue:
    """Show a command with all that was asked, sent and answered, as of now."""
    page = queries.command(identity, command_id, datetime.now(UTC))
    if page is None:
        abort(404)
    return render_template("commands/show.html", page=page)


@blueprint.get("/<kind>")
def show(identity: str, kind: str) -> ResponseReturnValue:
    """Show the form of a command, filled in from the address, or from a command of before."""
    charger = _charger(identity)
    _require_kind(kind)
    again = parse_number(request.args.get("again", ""))
    arguments = queries.arguments(charger.id, again, kind) if again else {}
    texts = view.texts_of(kind, arguments, charger.zone) | request.args.to_dict()
    return _page(charger, view.form(kind, texts, {}, key=_new_key()))


@blueprint.post("/<kind>")
def send(identity: str, kind: str) -> ResponseReturnValue:
    """Send a command or make a dry run of it, once for each form that was rendered."""
    charger = _charger(identity)
    _require_kind(kind)
    texts, key = request.form.to_dict(), request.form.get("request_key", "")
    command, problems = parameters.typed(kind, texts, zone=charger.zone, now=datetime.now(UTC))
    if command is None or not KEY.fullmatch(key):
        return _page(charger, view.form(kind, texts, problems, key=_new_key())), auth.UNPROCESSABLE
    terms = RequestTerms(key, is_dry_run="dry_run" in request.form, agreed=_agreed())
    made = services().ingest.request_command(identity, command, current_user.email, datetime.now(UTC), terms)
    if isinstance(made, Interrupts):
        return _page(charger, view.form(kind, texts, {}, key=key), made), CONFLICT
    if isinstance(made, CommandRefusal):
        _require_found(made)
        key = _new_key() if made is CommandRefusal.FORM_USED else key
        return _page(charger, view.form(kind, texts, {}, key=key, problem=say(made.value))), CONFLICT
    return _to_line(identity, made) if terms.is_dry_run else _sent(charger, kind, made)


@blueprint.post("/<id:command_id>/send")
def send_dry_run(identity: str, command_id: int) -> ResponseReturnValue:
    """Send the command of a dry run, once."""
    _charger(identity)
    made = services().ingest.send_dry_run(identity, command_id, current_user.email, datetime.now(UTC), _agreed())
    if isinstance(made, Interrupts):
        page = queries.command(identity, command_id, datetime.now(UTC)) or abort(404)
        return render_template("commands/confirm.html", charger=page.charger, line=page.line, interrupts=made), CONFLICT
    if isinstance(made, CommandRefusal):
        _require_found(made)
        flash(gettext(made.value), "warn")
        return _to_line(identity, command_id)
    return _to_line(identity, made)


def _charger(identity: str) -> CommandedCharger:
    charger = queries.charger(identity, datetime.now(UTC))
    if charger is None:
        abort(404)
    return charger


def _require_kind(kind: str) -> None:
    if kind not in KINDS:
        abort(404)


def _require_found(refusal: CommandRefusal) -> None:
    if refusal is CommandRefusal.NOT_FOUND:  # it was removed meanwhile
        abort(404)


def _agreed() -> frozenset[int]:
    """Return the numbers of the sessions that the page has named, and that may be interrupted."""
    return frozenset(filter(None, map(parse_number, request.form.getlist("agreed"))))


def _new_key() -> str:
    return secrets.token_urlsafe(24)


def _to_line(identity: str, command_id: int) -> ResponseReturnValue:
    return redirect(url_for("chargers.show", identity=identity, _anchor=f"command-{command_id}"), 303)


def _sent(charger: CommandedCharger, kind: str, command_id: int) -> ResponseReturnValue:
    """Lead back to where the command was asked for, or to its line."""
    if not _next():
        return _to_line(charger.identity, command_id)
    flash(said(say(SENT, command=parameters.title(kind), charger=charger.name)), "good")
    return redirect(_next(), 303)


def _next() -> str:
    return auth.asked_next("")


def _page(charger: CommandedCharger, form: CommandForm, interrupts: Interrupts | None = None) -> str:
    return render_template("commands/form.html", charger=charger, form=form, interrupts=interrupts, next=_next())
