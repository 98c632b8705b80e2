"""The profile of a person: what they have chosen for their own pages."""

from __future__ import annotations

from datetime import datetime

from polaris.administration.audit import record
from polaris.domain.profile import Profile, Theme
from polaris.models import Account, blocking, database, locked


@blocking
def set_profile(account_id: int, chosen: Profile, *, actor: str, now: datetime) -> None:
    """Store what a person has chosen."""
    with database.atomic():
        account = locked(Account.select().where(Account.id == account_id)).get()
        if profile_of(account) != chosen:
            Account.update(name=chosen.name, language=chosen.language, theme=chosen.theme).where(
                Account.id == account_id
            ).execute()
            record(actor, "account.profile_set", account.email, now)


def profile_of(account: Account) -> Profile:
    return Profile(account.name, account.language, Theme(account.theme))
