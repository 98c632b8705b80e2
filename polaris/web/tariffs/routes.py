"""The versions of prices, and new prices with a preview. Operators only; everyone else gets 404."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.administration import Refused, tariff_words
from polaris.domain.arguments import StrictStruct
from polaris.domain.sentences import N_
from polaris.lists import sites, tariffs
from polaris.rendering.translations import gettext, said
from polaris.services import services
from polaris.verbs import GROUPS, Changed, Done, perform_once
from polaris.verbs.perform import as_seen
from polaris.verbs.sites import site_names
from polaris.verbs.tariffs import SetTariff, checked
from polaris.web.actions import form as forms
from polaris.web.actions.form import Form
from polaris.web.answers import listed
from polaris.web.auth import UNPROCESSABLE, asked_next
from polaris.web.security import require_operator
from polaris.web.tariffs import queries
from polaris.web.tariffs.queries import Wanted

VERB = GROUPS["tariff"]["set"]

OVERTAKEN = N_(
    "Somebody changed these prices meanwhile, so nothing of yours was saved. Changed: %(changes)s. "
    "What you left as it was stays as it is now. See what yours would change, and save them if that is right."
)

blueprint = Blueprint("tariffs", __name__, url_prefix="/tariffs")


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    require_operator()
    page = queries.page(Wanted.of(request.args))
    return listed("tariffs/index.html", page.wanted, page=page, sites=[(name, name) for name in site_names()])


@blueprint.get("/new")
@login_required
def new() -> ResponseReturnValue:
    """Show the form of new prices, filled in with those of its site; without a site ask for that."""
    require_operator()
    form = forms.fresh(VERB, {"site": _only_site(), **request.args.to_dict()})
    if form.target:
        return _page(form)
    return render_template("tariffs/choose_site.html", verb=VERB, sites=site_names(), texts=_given(), next=_next())


@blueprint.get("/preview")
@login_required
def preview() -> ResponseReturnValue:
    """Show what the last sessions would have cost, with the site's prices as they are now."""
    require_operator()
    form = _typed(request.args)
    asked, problems = forms.read(VERB, form.texts, {})
    if not isinstance(asked, SetTariff):
        return _page(forms.again(form, problems.pop("", ""), problems)), UNPROCESSABLE
    site = sites.named(asked.site, datetime.now(UTC))
    if site is None:
        return _page(forms.again(form, "", {"site": f"There is no site {asked.site}."})), UNPROCESSABLE
    try:
        prices = checked(asked, site.currency, site.time_zone)
    except Refused as refused:
        return _page(forms.refused(form, refused)), UNPROCESSABLE
    previewed = tariffs.previewed(site.id, prices)
    changes = tariff_words.changes(site.prices, prices)
    form = forms.again(form, "")
    return render_template(
        "tariffs/preview.html", form=form, site=site, preview=previewed, changes=changes, next=_next()
    )


@blueprint.post("")
@login_required
def save() -> ResponseReturnValue:
    """Save what was previewed, or lead back to its preview, which says what has changed meanwhile."""
    require_operator()
    form = _typed(request.form)
    asked, _ = forms.read(VERB, form.texts, {})
    try:
        done = _saved(asked) if asked else None
    except Changed as changed:
        form = _overtaken(form, changed)
        done = None
    except Refused as refused:
        flash(said(refused.sentence), "warn")
        done = None
    if done is None:
        query = urlencode({**form.texts, "next": _next()})
        return redirect(f"{url_for('.preview')}?{query}", HTTPStatus.SEE_OTHER)
    flash(said(done.sentence), "good")
    return redirect(_next(), HTTPStatus.SEE_OTHER)


def _saved(asked: StrictStruct) -> Done:
    return perform_once(
        services(),
        VERB,
        asked,
        key=request.form.get("form_key", ""),
        actor=current_user.email,
        now=datetime.now(UTC),
        seen=as_seen(request.form.get("seen", "")),
    )


def _overtaken(form: Form, changed: Changed) -> Form:
    """Say what a colleague has changed, and return the form with it, but for what was typed into it."""
    seen, now = as_seen(request.form.get("seen", "")), forms.again(form, "").seen
    changes = tariff_words.changed(seen, now)
    theirs = "; ".join(f"{said(change.label)}: {said(change.was)} → {said(change.now)}" for change in changes)
    if not (now and theirs):
        flash(said(changed.sentence), "warn")
        return form
    flash(gettext(OVERTAKEN, changes=theirs), "warn")
    texts = {name: now.get(name, text) if text == seen.get(name) else text for name, text in form.texts.items()}
    return Form(VERB, texts)


def _page(form: Form) -> str:
    site = sites.named(form.target, datetime.now(UTC)) if form.target else None
    return render_template("tariffs/new.html", form=form, verb=VERB, site=site, next=_next())


def _typed(values: Mapping[str, str]) -> Form:
    """Return the form with what was typed, and with what its target has where nothing was.

    The ends of lines are those that it was made with: browsers send others.
    """
    texts = {each.name: values.get(each.name, "").replace("\r\n", "\n") for each in VERB.arguments}
    return forms.filled(Form(VERB, texts))


def _given() -> dict[str, str]:
    """Return what the address says of prices."""
    return {each.name: request.args[each.name] for each in VERB.arguments if each.name in request.args}


def _only_site() -> str:
    """Return the site's name if there is one site: nobody has to type it."""
    names = site_names()
    return names[0] if len(names) == 1 else ""


def _next() -> str:
    return asked_next(url_for("tariffs.index"))
