"""The versions of prices, and new prices with a preview. Operators only; everyone else gets 404."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from msgspec import Struct

from polaris.administration import Refused
from polaris.domain.tariff_preview import Preview
from polaris.lists import sites, tariffs
from polaris.services import services
from polaris.verbs import GROUPS, Changed, perform_once
from polaris.verbs.perform import as_seen, texts
from polaris.verbs.sites import site_names
from polaris.verbs.tariffs import SetTariff, checked
from polaris.web.actions import form as forms
from polaris.web.actions.form import Form
from polaris.web.auth import UNPROCESSABLE, asked_next
from polaris.web.security import require_operator
from polaris.web.tariffs import queries
from polaris.web.tariffs.queries import Wanted

VERB = GROUPS["tariff"]["set"]
NOT_PREVIEWED = "These are other prices than those of the preview, so nothing was saved. Look at them, and save again."

blueprint = Blueprint("tariffs", __name__, url_prefix="/tariffs")


class Previewed(Struct, frozen=True):
    """The preview of prices that were typed. `mark` says which, so that no others are saved."""

    mark: str
    preview: Preview


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    require_operator()
    return render_template("tariffs/index.html", page=queries.page(Wanted.of(request.args)), sites=sites.names())


@blueprint.route("/new", methods=["GET", "POST"])
@login_required
def new() -> ResponseReturnValue:
    """Show the form of new prices; preview what was typed; save what was previewed."""
    require_operator()
    if request.method != "POST":
        return _page(forms.fresh(VERB, {"site": _only_site(), **request.args.to_dict()}))
    form = Form(VERB, {argument.name: _typed(argument.name) for argument in VERB.arguments})
    asked, problems = forms.read(VERB, form.texts, {})
    if not isinstance(asked, SetTariff):
        return _page(forms.again(form, problems.pop("", ""), problems)), UNPROCESSABLE
    if request.form.get("do") != "save":
        return _previewed(form, asked)
    if request.form.get("previewed") != _mark(asked):
        return _previewed(form, asked, NOT_PREVIEWED, HTTPStatus.CONFLICT)
    return _save(form, asked)


def _save(form: Form, asked: SetTariff) -> ResponseReturnValue:
    seen = as_seen(request.form.get("seen", ""))
    try:
        done = perform_once(
            services(),
            VERB,
            asked,
            key=request.form.get("form_key", ""),
            actor=current_user.email,
            now=datetime.now(UTC),
            seen=seen,
        )
    except Changed as changed:
        return _previewed(form, asked, str(changed), HTTPStatus.CONFLICT)
    except Refused as refused:
        return _page(forms.refused(form, refused)), UNPROCESSABLE
    flash(done.sentence, "good")
    return redirect(_next(), HTTPStatus.SEE_OTHER)


def _previewed(
    form: Form, asked: SetTariff, problem: str = "", status: HTTPStatus = HTTPStatus.OK
) -> ResponseReturnValue:
    """Show what the last sessions would have cost, with the site's prices as they are now."""
    site = sites.named(asked.site, datetime.now(UTC))
    if site is None:
        return _page(forms.again(form, "", {"site": f"There is no site {asked.site}."})), UNPROCESSABLE
    try:
        prices = checked(asked, site.currency, site.time_zone)
    except Refused as refused:
        return _page(forms.refused(form, refused)), UNPROCESSABLE
    previewed = Previewed(_mark(asked), tariffs.previewed(site.id, prices))
    return _page(forms.again(form, problem), previewed), status


def _page(form: Form, previewed: Previewed | None = None) -> str:
    site = sites.named(form.target, datetime.now(UTC)) if form.target else None
    return render_template("tariffs/new.html", form=form, verb=VERB, site=site, previewed=previewed, next=_next())


def _typed(name: str) -> str:
    """Return a field's text, with the ends of lines that it was made with: browsers send others."""
    return request.form.get(name, "").replace("\r\n", "\n")


def _mark(asked: SetTariff) -> str:
    return json.dumps(texts(asked))


def _only_site() -> str:
    """Return the site's name if there is one site: nobody has to type it."""
    names = site_names()
    return names[0] if len(names) == 1 else ""


def _next() -> str:
    return asked_next(url_for("tariffs.index"))
