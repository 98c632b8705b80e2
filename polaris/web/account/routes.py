"""The user's own account: its status and its signed-in devices."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from flask import Blueprint, Response, abort, flash, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user, login_required
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

from polaris import administration, retention
from polaris.administration.second_factors import factors
from polaris.rendering.devices import device_label
from polaris.services import services
from polaris.web import security_events
from polaris.web.attempts import Allowance
from polaris.web.confirmation import confirmed
from polaris.web.headers import signed_out

EXPORTS = Allowance("export", 5, 3600)  # of an account: each reads the audit log as a whole
EXPORT_RETRY_S = 10
_EXPORTING = threading.Lock()  # in a process: without it, a few people's exports at once could fill disk and memory

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
    """Send all that the database has about the signed-in person, and nobody else."""
    if not _EXPORTING.acquire(blocking=False):
        raise ServiceUnavailable(retry_after=EXPORT_RETRY_S)
    try:
        return _export()
    finally:
        _EXPORTING.release()


def _export() -> Response:
    count = security_events.attempts().add(EXPORTS, str(current_user.id))
    if count.attempts > EXPORTS.attempts:
        raise TooManyRequests(retry_after=ceil(count.left_s))
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the response
    retention.export(current_user.email, file, actor=current_user.email, now=datetime.now(UTC))
    file.seek(0)
    answer = send_file(file, mimetype="application/zip", as_attachment=True, download_name="polaris-data.zip")
    answer.headers["Cache-Control"] = "no-store"
    return answer


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
