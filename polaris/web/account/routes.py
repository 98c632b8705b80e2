"""The user's own account: its status and its signed-in devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user, login_required

from polaris import administration
from polaris.services import services
from polaris.web.headers import signed_out

# Marks in a user agent's text, and their names. The first match counts: most browsers also name others.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}

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
    config = services().config
    devices = [
        DeviceRow(
            device.id,
            label(device.user_agent),
            device.created_at,
            device.last_seen_at,
            is_this=device.id == current_user.sign_in_id,
        )
        for device in administration.devices(
            current_user.id, administration.lifetimes(config).of(current_user.role), now=datetime.now(UTC)
        )
    ]
    contact = config.operator_contact
    return render_template("account/show.html", account=current_user, devices=devices, operator_contact=contact)


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


def label(user_agent: str) -> str:
    """Name a device as a person would."""
    browser = _first_match(BROWSERS, user_agent)
    system = _first_match(SYSTEMS, user_agent)
    if browser and system:
        return gettext("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or gettext("Unknown device")


def _first_match(names: dict[str, str], user_agent: str) -> str:
    return next((name for mark, name in names.items() if mark in user_agent), "")
