"""The page of matters that need a person, and their acknowledgement. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris import attention
from polaris.administration import Refused
from polaris.attention import UNTIL_TEXTS, Changed, Item
from polaris.attention.acknowledgements import MAX_NOTE_LENGTH, UNTIL_IT_CHANGES
from polaris.attention.item import Note
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web.auth import UNPROCESSABLE
from polaris.web.security import require_operator

blueprint = Blueprint("attention", __name__, url_prefix="/attention")


@blueprint.before_request
@login_required
def _refuse_others() -> None:
    require_operator()


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Show the list."""
    return render_template("attention/index.html", attention=services().attention.fresh())


@blueprint.get("/acknowledge")
def confirm() -> ResponseReturnValue:
    """Show the form in which a matter is acknowledged."""
    return _form(_item(request.args.get("key", "")))


@blueprint.post("/acknowledge")
def acknowledge() -> ResponseReturnValue:
    """Acknowledge a matter as its form has shown it."""
    key = request.form.get("key", "")
    try:
        outcome = attention.acknowledge(
            services().publisher,
            key,
            until=request.form.get("until", ""),
            note=request.form.get("note", ""),
            mark=request.form.get("mark"),
            directories=services().config.directories,
            actor=current_user.email,
            now=datetime.now(UTC),
        )
    except Changed as changed:
        return _form(_item(key), changed.sentence), HTTPStatus.CONFLICT
    except Refused as refused:
        return _form(_item(key), refused.sentence), UNPROCESSABLE
    if outcome.is_new:
        return redirect(url_for(".index"))
    already = gettext("%(actor)s has acknowledged it already.", actor=outcome.note.actor)
    if (outcome.note.actor, outcome.note.text) != (current_user.email, request.form.get("note", "").strip()):
        return _form(_item(key), f"{already} {_instead_of(outcome.note)}"), HTTPStatus.CONFLICT
    flash(already)
    return redirect(url_for(".index"))


@blueprint.post("/take-up")
def take_up() -> ResponseReturnValue:
    """List a matter again."""
    attention.take_up(
        services().publisher, request.form.get("key", ""), actor=current_user.email, now=datetime.now(UTC)
    )
    return redirect(url_for(".index"))


def _item(key: str) -> Item | None:
    return attention.get(key, datetime.now(UTC), services().config.directories)


def _instead_of(kept: Note) -> str:
    """Say which note is kept, and how another one takes its place."""
    note = gettext("The note there: “%(note)s”.", note=kept.text) if kept.text else ""
    advice = gettext("Yours was not kept. To replace that one, take it up again first.")
    return f"{note} {advice}".strip()


def _form(item: Item | None, problem: str = "") -> str:
    if item is None:
        flash(gettext("That needs nobody any more."))
        abort(redirect(url_for(".index")))
    return render_template(
        "attention/acknowledge.html",
        item=item,
        problem=problem,
        until_texts=UNTIL_TEXTS,
        until=request.form.get("until", UNTIL_IT_CHANGES),
        note=request.form.get("note", ""),
        max_note_length=MAX_NOTE_LENGTH,
    )
