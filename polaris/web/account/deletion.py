"""Deleting one's own account: what stays is said first, and the password asked for."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from polaris import retention
from polaris.administration.accounts import LastOperator
from polaris.rendering.translations import gettext
from polaris.retention import StillCharging
from polaris.services import services
from polaris.web import auth
from polaris.web.account.password import is_owner
from polaris.web.confirmation import confirmed
from polaris.web.forms import PresentPasswordForm
from polaris.web.headers import signed_out

blueprint = Blueprint("deletion", __name__, url_prefix="/account/deletion")


@blueprint.route("", methods=["GET", "POST"])
@confirmed
def delete() -> ResponseReturnValue:
    """Show what deletion means; if the password was sent, erase the person's data, and end all that is signed in."""
    form = PresentPasswordForm()
    if request.method != "POST":
        return _page(form)
    if not (form.validate() and is_owner(form)):
        return _page(form), auth.UNPROCESSABLE
    email = current_user.email
    try:
        retention.erase(services().publisher, email, actor=email, now=datetime.now(UTC))
    except StillCharging as refused:
        return _page(form, session=refused.number), auth.UNPROCESSABLE
    except LastOperator:
        return _page(form, is_last_operator=True), auth.UNPROCESSABLE
    answer = signed_out()
    flash(gettext("Your account is deleted."))
    return answer


def _page(form: PresentPasswordForm, *, session: int | None = None, is_last_operator: bool = False) -> str:
    return render_template(
        "account/deletion.html",
        form=form,
        session=session,
        is_last_operator=is_last_operator,
        readings_days=services().config.readings_days,
    )
