"""Accounts: who may sign in, as what, and whether they may charge."""

from __future__ import annotations

from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from peewee import IntegrityError

from polaris.administration import passwords
from polaris.administration.audit import Refused, record
from polaris.administration.makers_links import EndedLinks, end_links
from polaris.domain.email_addresses import normal_email
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.sentences import say
from polaris.models import Account, Invitation, PasswordReset, SignIn, blocking, database, kept, locked, run_blocking
from polaris.pubsub import Announcer, account_changed, charger_changed


class LastOperator(Refused):
    """A change that would leave the installation without an operator."""


IS_ACTIVE_OPERATOR = (Account.role == Role.OPERATOR) & (Account.status == AccountStatus.ACTIVE)


def add_account(email: str, password: str, role: Role, *, actor: str, now: datetime) -> int:
    """Add an active account; return its id."""
    email = valid_email(email)
    password_hash = run_blocking(passwords.hashed, passwords.checked(password, email))
    return _insert(email, password_hash, role, actor, now)


def set_account_status(publisher: Announcer, email: str, status: AccountStatus, *, actor: str, now: datetime) -> int:
    """Make an account active, stopped or suspended; return how many links that it had made ended with its rights."""
    return _change(publisher, email, "account.status_changed", "status", status, actor=actor, now=now)


def set_account_role(publisher: Announcer, email: str, role: Role, *, actor: str, now: datetime) -> int:
    """Make an account a driver's or an operator's; return how many links that it had made ended with its rights."""
    return _change(publisher, email, "account.role_changed", "role", role, actor=actor, now=now)


def set_password(publisher: Announcer, email: str, password: str, *, actor: str, now: datetime) -> None:
    """Change a password, and sign the account out on every device."""
    password_hash = run_blocking(passwords.hashed, passwords.checked(password, normal_email(email)))
    publisher.announce(account_changed(_update_password(email, password_hash, actor, now)))


def find_account(email: str) -> Account:
    """Return the account of an address, in the caller's transaction. Raise `Refused` if there is none.

    It is not erased before the transaction ends.
    """
    is_it = (Account.email == normal_email(email)) & Account.erased_at.is_null()
    account: Account | None = kept(Account.select().where(is_it)).first()
    if account is None:
        raise Refused(say("There is no account %(email)s.", email=email))
    return account


def valid_email(email: str) -> str:
    """Return a new account's address as it is stored. Raise `Refused` if it is none."""
    try:
        return normal_email(validate_email(email.strip(), check_deliverability=False).normalized)
    except EmailNotValidError as error:
        raise Refused(
            say("%(email)s is not an e-mail address: %(error)s", email=repr(email), error=str(error))
        ) from None


@blocking
def _insert(email: str, password_hash: str, role: Role, actor: str, now: datetime) -> int:
    try:
        with database.atomic():
            account = Account.create(
                email=email, role=role, status=AccountStatus.ACTIVE, password_hash=password_hash, created_at=now
            )
            Invitation.delete().where(Invitation.email == email).execute()  # who has an account needs none
            record(actor, "account.added", email, now, role)
    except IntegrityError:
        raise Refused(say("There is an account %(email)s already.", email=email)) from None
    account_id: int = account.id
    return account_id


def _change(
    publisher: Announcer,
    email: str,
    action: str,
    column: str,
    value: AccountStatus | Role,
    *,
    actor: str,
    now: datetime,
) -> int:
    """Change a column of an account, and notify open pages. Whoever is no active operator any more has no links."""
    account_id, ended = _update(email, action, column, value, actor=actor, now=now)
    publisher.announce(account_changed(account_id))
    for charger_id in ended.charger_ids:
        publisher.announce(charger_changed(charger_id))
    return ended.count


@blocking
def _update(
    email: str, action: str, column: str, value: AccountStatus | Role, *, actor: str, now: datetime
) -> tuple[int, EndedLinks]:
    with database.atomic():
        account, ended = find_account(email), EndedLinks()
        before = getattr(account, column)
        if before != value:
            if value not in (AccountStatus.ACTIVE, Role.OPERATOR):
                refuse_if_last_operator(account)
                ended = end_links(account, actor, now)
            Account.update({column: value}).where(Account.id == account.id).execute()
            record(actor, action, account.email, now, f"{before} to {value}")
    return account.id, ended


def refuse_if_last_operator(account: Account) -> None:
    """Refuse to leave an installation without an operator. The rows are locked: two operators may demote each other."""
    operators = [row.id for row in locked(Account.select().where(IS_ACTIVE_OPERATOR).order_by(Account.id))]
    if operators == [account.id]:
        raise LastOperator(
            say("%(email)s is the only active operator. Make somebody else an operator first.", email=account.email)
        )


@blocking
def _update_password(email: str, password_hash: str, actor: str, now: datetime) -> int:
    with database.atomic():
        account = find_account(email)
        Account.update(password_hash=password_hash).where(Account.id == account.id).execute()
        SignIn.update(revoked_at=now).where(SignIn.account == account, SignIn.revoked_at.is_null()).execute()
        PasswordReset.delete().where(PasswordReset.email == account.email).execute()
        record(actor, "account.password_changed", account.email, now)
    return account.id
