"""The fragment of the account page."""

from __future__ import annotations

from polaris.domain.enums import AccountStatus
from polaris.rendering.fragments import Fragments, render


def account_status(status: AccountStatus, operator_contact: str) -> Fragments:
    """Render the account's status and its meaning."""
    html = render("account/_status.html", status=status, operator_contact=operator_contact)
    return {"account-status": html}
