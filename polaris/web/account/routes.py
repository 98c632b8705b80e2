"""The user's own account: its status and its signed-in devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris import administration
from polaris.administration.second_factors import factors
from polaris.rendering import translations
from polaris.rendering.devices import device_label
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web import auth, languages
from polaris.web.account import data
from polaris.web.confirmation import confirmed
from polaris.web.forms import ProfileForm
from polaris.web.headers import signed_out

blueprint = Blueprint("account", __name__)


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A signed-in device as a row of the page."""

    id: str
    label: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


@blueprint.get("/account")
@login_required
def show() -> ResponseReturnValue:
    profile = current_user.profile
    return _page(ProfileForm(name=profile.name, language=profile.language, theme=profile.theme))


@blueprint.post("/account/profile")
@login_required
def set_profile() -> ResponseReturnValue:
    form = ProfileForm()
    if not form.validate():
        return _page(form), auth.UNPROCESSABLE
    administration.set_profile(current_user.id, form.chosen, actor=current_user.email, now=datetime.now(UTC))
    with translations.in_language(form.language.data or languages.of_browser()):
        flash(gettext("Saved."))
    return redirect(url_for(".show"), 303)


def _page(form: ProfileForm) -> str:
    config = services().config
    devices = [
        DeviceRow(
            device.id,
            device_label(device.user_agent),
            device.created_at,
            device.last_seen_at,
            is_this=device.id == current_user.sign_in_id,
        )
        for device in administration.devices(
            current_user.id, administration.lifetimes(config).of(current_user.role), now=datetime.now(UTC)
        )
    ]
    return render_template(
        "account/show.html",
        account=current_user,
        form=form,
        factors=factors.factors(current_user.id),
        devices=devices,
        operator_contact=config.operator_contact,
    )


@blueprint.get("/account/export")
@confirmed
def export_page() -> ResponseReturnValue:
    return render_template("account/export.html")


@blueprint.post("/account/export")
@confirmed
def export() -> ResponseReturnValue:
    """Send all that the database has about the signed-in person."""
    return data.answer(current_user.email)


@blueprint.post("/devices/<sign_in_id>")
@login_required
def sign_out_device(sign_in_id: str) -> ResponseReturnValue:
    is_done = administration.sign_out(
        services().publisher, current_user.id, sign_in_id, actor=current_user.email, now=datetime.now(UTC)
    )
    if not is_done:
        abort(404)
    if sign_in_id == current_user.sign_in_id:
        return signed_out()
    flash(gettext("The device is signed out."))
    return redirect(url_for("account.show"))


@blueprint.post("/devices")
@login_required
def sign_out_everywhere() -> ResponseReturnValue:
    administration.sign_out_everywhere(
        services().publisher, current_user.id, actor=current_user.email, now=datetime.now(UTC)
    )
    return signed_out()
