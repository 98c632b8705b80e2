"""Changes of drivers to their own cards: each change has a page that asks. Everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.administration import own_cards
from polaris.administration.own_cards import MAX_CLAIMS, MAX_NAME_LENGTH, CardRefusal
from polaris.domain.enums import Role
from polaris.domain.limit import LimitKind
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web.answers import in_place
from polaris.web.auth import UNPROCESSABLE
from polaris.web.cards import own
from polaris.web.cards.own import OwnCard
from polaris.web.sessions.limit import MAX_LENGTH, parse, typed

STATUS = {
    CardRefusal.ACCOUNT_INACTIVE: 403,
    CardRefusal.LIMIT: UNPROCESSABLE,
    CardRefusal.NAME: UNPROCESSABLE,
    CardRefusal.TAP_GONE: 409,
    CardRefusal.TOO_MANY_CLAIMS: 429,
    CardRefusal.TOO_MANY_CARDS: 409,
}

blueprint = Blueprint("own_cards", __name__, url_prefix="/cards")


def show() -> ResponseReturnValue:
    """Show a driver's cards, at the address of the operators' list."""
    page = own.page(current_user.id, datetime.now(UTC))
    return render_template(
        "cards/own.html", page=page, viewer=current_user.viewer, operator_contact=services().config.operator_contact
    )


@blueprint.route("/<id:card_id>/name", methods=["GET", "POST"])
@login_required
def rename(card_id: int) -> ResponseReturnValue:
    card = _card(card_id)
    if request.method != "POST":
        return render_template("cards/rename.html", card=card, name=card.name, max_length=MAX_NAME_LENGTH)
    name = request.form.get("name", "")
    refusal = own_cards.rename(current_user.id, card_id, name, now=datetime.now(UTC))
    if refusal is CardRefusal.NAME:
        problem = _words(refusal)
        page = render_template("cards/rename.html", card=card, name=name, max_length=MAX_NAME_LENGTH, problem=problem)
        return page, UNPROCESSABLE
    return _refused(refusal) if refusal else _back(gettext("The name is saved."))


@blueprint.route("/<id:card_id>/limit", methods=["GET", "POST"])
@login_required
def set_limit(card_id: int) -> ResponseReturnValue:
    """Show the limit that a card's sessions begin with; if the form was sent, set it, or none if it is empty."""
    card, now = _card(card_id), datetime.now(UTC)
    kind, text = request.form.get("kind", ""), request.form.get("value", "").strip()
    if request.method != "POST":
        kind, text = (card.limit.kind, typed(card.limit, UTC)) if card.limit else (LimitKind.ENERGY, "")
        return render_template("cards/limit.html", card=card, kind=kind, text=text, max_length=MAX_LENGTH)
    wanted = parse(kind, text, UTC, now)
    is_read = wanted is not None or not text
    refusal = own_cards.set_limit(current_user.id, card_id, wanted, now=now) if is_read else CardRefusal.LIMIT
    if refusal is CardRefusal.LIMIT:
        shown = {"kind": kind, "text": text[:MAX_LENGTH], "max_length": MAX_LENGTH}
        return render_template("cards/limit.html", card=card, problem=_words(refusal), **shown), UNPROCESSABLE
    return _refused(refusal) if refusal else _back(gettext("The limit is saved."))


@blueprint.route("/<id:card_id>/lost", methods=["GET", "POST"])
@login_required
def report_lost(card_id: int) -> ResponseReturnValue:
    """Ask whether a card is lost; if the form was sent, block it and stop what it charges."""
    card = _card(card_id)
    if card.lost_at is not None:
        return _back(gettext("Card %(card)s is reported lost already. Nothing was changed.", card=card.title))
    if request.method != "POST":
        return render_template("cards/lost.html", card=card)
    now = datetime.now(UTC)
    running = own_cards.report_lost(current_user.id, card_id, now=now)
    if isinstance(running, CardRefusal):
        return _refused(running)
    services().ingest.end_starts(now, current_user.id)
    # Once more: a session may have begun of a start before that was over. One that begins later is asked to stop, too.
    for number in {*running, *own_cards.running_with(current_user.id, card_id)}:
        services().ingest.request_stop(number, current_user.id, now, needs_active=False)
    return _back(gettext("Card %(card)s is blocked, and the operator is told.", card=card.title))


@blueprint.route("/taps/<id:number>", methods=["GET", "POST"])
@login_required
def claim(number: int) -> ResponseReturnValue:
    """Ask whether a card that was just tapped is the driver's; if the form was sent, add it."""
    _require_driver()
    ends, now = request.values.get("ends", ""), datetime.now(UTC)
    if request.method == "POST":
        refusal = own_cards.claim(current_user.id, number, ends, now=now)
        return _refused(refusal) if refusal else _back(gettext("Card %(card)s is yours now. Tap it again.", card=ends))
    tap = own_cards.find_tap(current_user.id, number, ends, now)
    if tap is None:
        return _refused(CardRefusal.TAP_GONE)
    return render_template("cards/claim.html", shown=own.shown_tap(tap, now))


def _card(card_id: int) -> OwnCard:
    _require_driver()
    return own.card(current_user.id, card_id, datetime.now(UTC)) or abort(HTTPStatus.NOT_FOUND)


def _require_driver() -> None:
    if current_user.role is not Role.DRIVER:
        abort(HTTPStatus.NOT_FOUND)


def _back(words: str) -> ResponseReturnValue:
    flash(words, "good")
    return redirect(url_for("cards.index"), HTTPStatus.SEE_OTHER)


def _refused(refusal: CardRefusal) -> ResponseReturnValue:
    if refusal is CardRefusal.NOT_FOUND:
        abort(HTTPStatus.NOT_FOUND)
    title = gettext("Nothing was changed")
    link = {"link_url": url_for("cards.index"), "link_text": gettext("Cards")}
    return in_place("errors/error.html", STATUS[refusal], title=title, text=_words(refusal), **link)


def _words(refusal: CardRefusal) -> str:
    match refusal:
        case CardRefusal.ACCOUNT_INACTIVE:
            return gettext("Your account is not active, so chargers refuse its cards, and they cannot be changed here.")
        case CardRefusal.LIMIT:
            return gettext("Enter a number like 20 or 7.5.")
        case CardRefusal.NAME:
            return gettext("A name has up to %(number)s characters.", number=MAX_NAME_LENGTH)
        case CardRefusal.TOO_MANY_CLAIMS:
            return gettext(
                "You have added %(number)s cards today. Add the next one tomorrow, or ask the operator.",
                number=MAX_CLAIMS,
            )
        case CardRefusal.TOO_MANY_CARDS:
            return gettext("You have as many cards as can be added here. Ask the operator for one more.")
        case _:
            return gettext("This card cannot be added any more. If it is yours, tap it at the charger again.")
