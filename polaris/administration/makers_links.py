"""The links that an operator has made: they end with the operator's rights, and do not come back with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from polaris.audit import record_all
from polaris.models import Account, Charger, Commissioning, Invitation


@dataclass(frozen=True, slots=True)
class EndedLinks:
    """How many links ended, and the chargers whose runs they opened."""

    count: int = 0
    charger_ids: Sequence[int] = ()


def end_links(account: Account, actor: str, now: datetime) -> EndedLinks:
    """Withdraw an account's invitations and revoke its links for electricians, in the caller's transaction."""
    invitations = Invitation.select().where(Invitation.invited_by == account.email).order_by(Invitation.id)
    withdrawn = [(row.email, row.role) for row in invitations if row.expires_at > now]
    runs = Commissioning.select(Commissioning, Charger).join(Charger).where(Commissioning.link_account == account)
    open_runs = [row for row in runs if row.ended_at is None and row.link_ends_at > now]
    Invitation.delete().where(Invitation.invited_by == account.email).execute()
    Commissioning.update(link_hash=None, link_ends_at=None, link_account=None).where(
        Commissioning.link_account == account
    ).execute()
    rows = [("invitation.withdrawn", email, role) for email, role in withdrawn]
    rows += [("commissioning.link_revoked", row.charger.identity, "") for row in open_runs]
    record_all(actor, rows, now)
    return EndedLinks(len(rows), [row.charger_id for row in open_runs])
