"""The queries of the pages about people."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from peewee import fn

from polaris import administration
from polaris.administration import invitations
from polaris.administration.second_factors import factors
from polaris.domain.cards import shown
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.sign_ins import Lifetimes
from polaris.lists import audit, last_sessions
from polaris.lists import cards as cards_list
from polaris.lists.accounts import AccountFilter
from polaris.lists.audit import AuditFilter
from polaris.lists.cards import CardFilter
from polaris.models import Account, EvCard, SignIn, blocking
from polaris.web.people.rows import Cards, Device, Devices, PeoplePage, PersonPage, PersonRow, SecondFactors, Wanted
from polaris.web.sessions import queries as session_queries

PAGE_ROWS = 50
NEWEST = 10  # cards, sessions and audit rows of a person; all of them are pages of their own
BATCH_ROWS = 100  # of a file
MAX_SIGN_INS = (
    2000  # of a page's or a batch's accounts: each has `administration.devices.MAX_DEVICES` at most that are not over
)


@blocking
def page(wanted: Wanted, lifetimes: Lifetimes, now: datetime) -> PeoplePage:
    """Read a page of the list."""
    search = wanted.rows.search
    found = search.page(PAGE_ROWS, wanted.before)
    rows, is_first = _rows(found.keys, lifetimes, now), wanted == Wanted(AccountFilter())
    open_ = invitations.pending(PAGE_ROWS + 1, now=now) if is_first else []
    is_more = len(open_) > PAGE_ROWS
    return PeoplePage(wanted.rows, wanted.before, rows, found.next_key, search.count(), open_[:PAGE_ROWS], is_more)


@blocking
def batch(
    wanted: AccountFilter, lifetimes: Lifetimes, before: int | None, now: datetime
) -> tuple[list[PersonRow], int | None]:
    """Read some of the accounts that are wanted, and the key behind which to read on."""
    found = wanted.search.page(BATCH_ROWS, before)
    return _rows(found.keys, lifetimes, now), found.next_key


@blocking
def exists(account_id: int) -> bool:
    """Return whether there is an account of that id."""
    return bool(Account.select().where(Account.id == account_id).exists())


@blocking
def person(account_id: int, lifetimes: Lifetimes, now: datetime) -> PersonPage | None:
    """Read all about an account; return None if there is none."""
    account = Account.get_or_none(Account.id == account_id)
    if account is None:
        return None
    cards = cards_list.page(CardFilter(email=account.email), NEWEST + 1, None, now)[0]
    role = Role(account.role)
    return PersonPage(
        account.id,
        account.email,
        account.name,
        role,
        AccountStatus(account.status),
        account.created_at,
        account.erased_at,
        cards[:NEWEST],
        len(cards) > NEWEST,
        [
            Device(row.user_agent, row.created_at, row.last_seen_at)
            for row in administration.devices(account.id, lifetimes.of(role), now=now)
        ],
        _factors(account.id),
        session_queries.session_list(account.id, now)[:NEWEST],
        audit.page(AuditFilter(target=account.email), NEWEST).rows,
    )


def _rows(ids: list[int], lifetimes: Lifetimes, now: datetime) -> list[PersonRow]:
    accounts = {row.id: row for row in Account.select().where(Account.id.in_(ids))} if ids else {}
    newest, cards, devices = last_sessions.of_accounts(ids), _cards(ids), _devices(ids, lifetimes, now)
    return [
        PersonRow(
            row.id,
            row.email,
            row.name,
            Role(row.role),
            AccountStatus(row.status),
            row.erased_at is not None,
            row.created_at,
            cards.get(row.id, Cards()),
            devices.get(row.id, Devices()),
            newest.get(row.id),
        )
        for row in (accounts[id_] for id_ in ids if id_ in accounts)
    ]


def _cards(ids: Collection[int]) -> dict[int, Cards]:
    """Count the cards of accounts, and name the first of each."""
    columns = (EvCard.account, fn.COUNT(EvCard.id).alias("count"), fn.MIN(EvCard.id).alias("first"))
    counts = EvCard.select(*columns).where(EvCard.account.in_(ids)).group_by(EvCard.account)
    counted: list[Any] = list(counts.namedtuples()) if ids else []
    firsts = EvCard.select().where(EvCard.id.in_([row.first for row in counted])) if counted else ()
    names = {card.id: shown(card.id_tag, card.token_type) for card in firsts}
    return {row.account: Cards(row.count, names.get(row.first, "")) for row in counted}


def _devices(ids: Collection[int], lifetimes: Lifetimes, now: datetime) -> dict[int, Devices]:
    """Count the devices that are signed in, by the lifetimes of each account's role."""
    found: dict[int, Devices] = {}
    is_open = SignIn.account.in_(ids) & SignIn.revoked_at.is_null()
    query = SignIn.select(SignIn, Account.id, Account.role).join(Account).where(is_open).limit(MAX_SIGN_INS)
    for row in query if ids else ():
        if not lifetimes.is_over(Role(row.account.role), row.created_at, row.last_seen_at, now):
            devices = found.get(row.account_id, Devices())
            seen_at = max(row.last_seen_at, devices.last_seen_at or row.last_seen_at)
            found[row.account_id] = Devices(devices.count + 1, seen_at)
    return found


def _factors(account_id: int) -> SecondFactors:
    found = factors.factors(account_id)
    return SecondFactors(tuple(key.name for key in found.passkeys), found.app is not None, found.recovery_codes)
