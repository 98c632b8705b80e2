"""The form of each verb of the catalog, for operators; everyone else gets 404."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.administration import Refused
from polaris.domain.arguments import StrictStruct
from polaris.rendering.translations import said
from polaris.services import services
from polaris.verbs import GROUPS, Changed, Done, Verb, perform_once
from polaris.verbs.perform import as_seen, was_sent
from polaris.web.actions import form as forms
from polaris.web.actions.form import Form
from polaris.web.auth import UNPROCESSABLE, asked_next
from polaris.web.confirmation import ask_again
from polaris.web.errors import on_long_file
from polaris.web.first_page import home_url
from polaris.web.security import require_operator

OWN_PAGES = {("tariff", "set"): "tariffs.new"}  # verbs whose form shows more than a form can

blueprint = Blueprint("actions", __name__, url_prefix="/actions")


@blueprint.route("/<group>/<verb>", methods=["GET", "POST"])
@login_required
def show(group: str, verb: str) -> ResponseReturnValue:
    """Show a verb's form; if it was sent, make the change and lead back to where it was asked for."""
    require_operator()
    found = GROUPS.get(group, {}).get(verb)
    if found is None:
        abort(404)
    if (group, verb) in OWN_PAGES:
        return redirect(f"{url_for(OWN_PAGES[group, verb])}?{urlencode(request.args.to_dict())}")
    to_proof = ask_again() if found.is_sensitive else None
    if to_proof is not None:
        return to_proof
    if request.method == "POST":
        return _sent(found)
    return _page(forms.fresh(found, request.args.to_dict()))


def _sent(verb: Verb) -> ResponseReturnValue:
    form = Form(verb, {argument.name: request.form.get(argument.name, "") for argument in verb.arguments})
    asked, problems = forms.read(verb, form.texts, as_seen(request.form.get("seen", "")))
    if asked is None:
        return _page(forms.again(form, problems.pop("", ""), problems)), UNPROCESSABLE
    is_same = request.form.get("seen_of", form.target) == form.target
    is_seen = ("seen" in request.form and is_same) or was_sent(verb, asked, request.form.get("form_key", ""))
    unseen = None if is_seen else forms.look_first(form)
    if unseen is None:
        return _perform(form, asked)
    return _page(unseen), UNPROCESSABLE if unseen.problem else HTTPStatus.OK


def _perform(form: Form, asked: StrictStruct) -> ResponseReturnValue:
    try:
        done = perform_once(
            services(),
            form.verb,
            asked,
            key=request.form.get("form_key", ""),
            actor=current_user.email,
            now=datetime.now(UTC),
            seen=as_seen(request.form.get("seen", "")),
            shown=frozenset(request.form.get("mark", "").splitlines()),
        )
    except Changed as changed:
        return _page(forms.again(form, changed.sentence)), HTTPStatus.CONFLICT
    except Refused as refused:
        return _page(forms.refused(form, refused)), UNPROCESSABLE
    return _done(form.verb, done)


def _done(verb: Verb, done: Done) -> ResponseReturnValue:
    """Show keys and links, which are shown once; else go back."""
    if done.secrets or done.links:
        site = services().config.site_url or request.host_url.rstrip("/")
        links = {whose: f"{site}{path}" for whose, path in done.links.items()}
        return render_template("actions/done.html", verb=verb, done=done, links=links, next=_next())
    flash(said(done.sentence), "good")
    return redirect(_next(), HTTPStatus.SEE_OTHER)


def _page(form: Form, next_url: str = "") -> str:
    return render_template("actions/show.html", form=form, verb=form.verb, next=next_url or _next())


def _of_long_file(problem: str) -> str | None:
    """Return a verb's form, empty, with what is wrong with its file; None if it takes no file."""
    found = GROUPS.get(request.view_args["group"], {}).get(request.view_args["verb"]) if request.view_args else None
    if found is None or not found.lines:
        return None
    return _page(replace(forms.fresh(found, {}), problems=dict.fromkeys(found.lines, problem)), home_url())


on_long_file(blueprint, _of_long_file)


def _next() -> str:
    return asked_next(home_url())
