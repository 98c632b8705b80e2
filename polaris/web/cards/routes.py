"""The page of cards, of all for operators and of a driver's own; and the import of a file, for operators only."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.administration import Refused, card_import
from polaris.administration.card_import import Outdated, Preview
from polaris.domain.card_file import HEADER
from polaris.domain.enums import Role
from polaris.domain.limits import MAX_FILE
from polaris.domain.sentences import say
from polaris.rendering.translations import said
from polaris.web.answers import listed
from polaris.web.auth import UNPROCESSABLE
from polaris.web.cards import own_routes, queries
from polaris.web.cards.rows import Wanted
from polaris.web.errors import on_long_file
from polaris.web.security import require_operator

blueprint = Blueprint("cards", __name__, url_prefix="/cards")


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    if current_user.role is not Role.OPERATOR:
        return own_routes.show()
    page = queries.page(Wanted.of(request.args), datetime.now(UTC))
    return listed("cards/index.html", page.wanted.rows, page=page)


@blueprint.route("/import", methods=["GET", "POST"])
@login_required
def import_file() -> ResponseReturnValue:
    """Show what a file would change; if it was shown before, and is the same still, make exactly that."""
    require_operator()
    if request.method != "POST":
        return _import_page("")
    text, mark = "", request.form.get("mark")
    try:
        text = _text()
        if mark is not None:
            return _import(text, mark)
        return _import_page(text, preview=card_import.preview(text))
    except Outdated as outdated:
        return _import_page(text, outdated.sentence, card_import.preview(text)), HTTPStatus.CONFLICT
    except Refused as refused:
        return _import_page(text, refused.sentence), UNPROCESSABLE


def _text() -> str:
    """Return the file that was chosen, or else the text that was typed."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return request.form.get("text", "")
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(say("The file is not UTF-8. Save it as CSV in UTF-8.")) from None


def _import(text: str, mark: str) -> ResponseReturnValue:
    done = card_import.import_cards(text, mark, actor=current_user.email, now=datetime.now(UTC))
    flash(said(done.sentence), "good")
    return redirect(url_for("cards.index"), HTTPStatus.SEE_OTHER)


def _import_page(text: str, problem: str = "", preview: Preview | None = None) -> str:
    return render_template(
        "cards/import.html",
        text=text,
        problem=problem,
        preview=preview,
        header=HEADER,
        max_characters=MAX_FILE,
    )


on_long_file(blueprint, lambda problem: _import_page("", problem))
