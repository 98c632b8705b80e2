"""Audit rows of an account that nobody changed: guesses at its password, and pages that it was refused."""

from __future__ import annotations

from datetime import datetime

from polaris.administration.audit import record
from polaris.domain.email_addresses import normal_email
from polaris.models import Account, blocking, database

NO_ACCOUNT = "no account"


@blocking
def audit_refusal(email: str, action: str, detail: str, *, actor: str, now: datetime) -> None:
    """Record in the audit log that an account was refused something.

    The row names the account as it is stored: what was typed may be a password.
    """
    with database.atomic():
        account = Account.get_or_none(Account.email == normal_email(email))
        record(actor, action, NO_ACCOUNT if account is None else account.email, now, detail)
