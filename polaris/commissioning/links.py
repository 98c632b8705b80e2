"""Links for electricians: each opens the open run of one charger and nothing else, until it ends or is revoked.

Only a link's hash is stored. A run has one link at most; another takes its place. A link acts in the name of the
operator who made it, and is revoked when that account is an active operator's no more (`makers_links`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import JOIN

from polaris import link_tokens
from polaris.administration import Refused
from polaris.administration.accounts import IS_ACTIVE_OPERATOR
from polaris.administration.audit import COMMAND_LINE
from polaris.audit import record
from polaris.commissioning.runs import open_run
from polaris.domain.instants import minute_text, second_text
from polaris.domain.sentences import say
from polaris.models import Account, Charger, Commissioning, blocking, database

MAX_HOURS = 24
MAX_TOKEN_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Link:
    """A link that opens its run. Its hash stands for the browser that has it, as a signed-in device's id does."""

    token_hash: str
    charger_id: int
    identity: str
    name: str
    account_id: int | None  # the operator's who made it, in whose name sessions are stopped; None: the command line
    actor: str

    @property
    def mark(self) -> str:
        """Return what names the link to its own pages; it opens nothing."""
        return link_tokens.mark(self.token_hash)


@blocking
def make(identity: str, hours: int, *, actor: str, now: datetime) -> tuple[int, str]:
    """Make a link for the open run of a charger; return the charger's id and the token, which is stored nowhere."""
    token = link_tokens.new()
    ends_at = now + timedelta(hours=hours)
    with database.atomic():
        row = open_run(identity)
        before = _words(row, now)
        maker = Account.get_or_none(Account.email == actor)
        Commissioning.update(link_hash=link_tokens.hashed(token), link_ends_at=ends_at, link_account=maker).where(
            Commissioning.id == row.id
        ).execute()
        replaced = f", instead of: {before}" if before else ""
        detail = f"until {minute_text(ends_at)}{replaced}"
        record(actor, "commissioning.link_made", row.charger.identity, now, detail)
    return int(row.charger_id), token


@blocking
def revoke(identity: str, *, actor: str, now: datetime) -> int:
    """Let the link of a charger's open run open nothing any more; return the charger's id."""
    with database.atomic():
        row = open_run(identity)
        if row.link_hash is None:
            raise Refused(say("The run of %(identity)s has no link.", identity=row.charger.identity))
        nothing = {"link_hash": None, "link_ends_at": None, "link_account": None}
        Commissioning.update(**nothing).where(Commissioning.id == row.id).execute()
        record(actor, "commissioning.link_revoked", row.charger.identity, now)
    return int(row.charger_id)


@blocking
def present_link(identity: str, now: datetime) -> str:
    """Say which link opens a charger's open run; "" if none does."""
    found = _words(open_run(identity), now)
    return say("The link of %(identity)s, %(link)s", identity=identity, link=found) if found else ""


def _words(row: Commissioning, now: datetime) -> str:
    """Say who made a run's link and when it ends; "" if it opens nothing."""
    if row.link_ends_at is None or row.link_ends_at <= now:
        return ""
    maker = row.link_account.email if row.link_account else COMMAND_LINE
    return say("made by %(maker)s, until %(until)s", maker=maker, until=second_text(row.link_ends_at))


@blocking
def link_of(token: str, now: datetime) -> Link | None:
    """Return the link that a token is of, None if it opens nothing (any more)."""
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    row = _open([link_tokens.hashed(token)], now).first()
    if row is None:
        return None
    actor = f"electrician of {row.link_account.email if row.link_account else COMMAND_LINE}"
    return Link(row.link_hash, row.charger_id, row.charger.identity, row.charger.name, row.link_account_id, actor)


@blocking
def still_open(token_hashes: Collection[str], now: datetime) -> list[str]:
    """Return those of the hashes whose links open something."""
    return [row.link_hash for row in _open(token_hashes, now)]


def _open(token_hashes: Collection[str], now: datetime) -> Any:
    maker = Commissioning.link_account
    is_in_time = Commissioning.ended_at.is_null() & (Commissioning.link_ends_at > now)
    query = Commissioning.select(Commissioning, Charger, Account).join(Charger)
    query = query.switch(Commissioning).join(Account, JOIN.LEFT_OUTER, on=maker, attr="link_account")
    is_good = is_in_time & (maker.is_null() | IS_ACTIVE_OPERATOR)
    return query.where(Commissioning.link_hash.in_(list(token_hashes)), is_good)
