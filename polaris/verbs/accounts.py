"""Verbs for accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

from polaris import administration, retention
from polaris.administration import Refused, invitations
from polaris.administration.accounts import find_account, valid_email
from polaris.administration.audit import last_done
from polaris.administration.charger_security import sessions_of
from polaris.administration.invitations import LIFETIME, PATH
from polaris.administration.second_factors import changes
from polaris.domain.arguments import SECRET, StrictStruct
from polaris.domain.audit_chain import pseudonym
from polaris.domain.email_addresses import mailable
from polaris.domain.enums import AccountStatus, Role
from polaris.models import blocking
from polaris.verbs.verb import Done, Request, Values, Verb, Warning

Email = Annotated[str, Meta(title="E-mail", description="The account's e-mail address.", max_length=320)]
# Without `max_length`: a browser would cut a longer one off unseen.
Password = Annotated[str, SECRET, Meta(description="12 to 128 characters.")]

NO_MAIL = "Mail is not set up (SMTP_URL), so send the link yourself."
NOT_MAILABLE = (
    "Mail cannot be sent to this address: letters before the @ are not plain ones. Choose “No mail”, and send the link "
    "yourself."
)


class Add(StrictStruct, frozen=True):
    """Add an account."""

    email: Email
    password: Password
    role: Annotated[Role, Meta(description="A driver sees their own sessions, an operator everything.")] = Role.DRIVER


class Invite(StrictStruct, frozen=True):
    """Invite a person by a link, with which they set their password. It is good once, for seven days.

    It goes out by mail if mail is set up, and is shown to copy. An earlier link to the same address is no longer good.
    """

    email: Annotated[str, Meta(title="E-mail", description="The person's e-mail address.", max_length=320)]
    role: Annotated[Role, Meta(description="A driver sees their own sessions, an operator everything.")] = Role.DRIVER
    is_link_only: Annotated[bool, Meta(title="No mail", description="Only show the link.")] = False


class MailInvitation(StrictStruct, frozen=True):
    """Mail an invitation again: the same link, to the same address."""

    email: Annotated[str, Meta(title="E-mail", description="The address that was invited.", max_length=320)]


class WithdrawInvitation(StrictStruct, frozen=True):
    """Withdraw an invitation that was not accepted: its link is no longer good."""

    email: Annotated[str, Meta(title="E-mail", description="The address that was invited.", max_length=320)]


class SetStatus(StrictStruct, frozen=True):
    """Make an account active, stopped or suspended. Open pages follow by themselves.

    If an operator is active no more, the links that they made end for good: invitations, and those of electricians.
    """

    email: Email
    status: AccountStatus


class SetRole(StrictStruct, frozen=True):
    """Make an account a driver's or an operator's. Its open pages follow by themselves.

    With an operator's rights, the links that they made end for good: invitations, and those of electricians.
    """

    email: Email
    role: Role


class SetPassword(StrictStruct, frozen=True):
    """Change an account's password and sign it out everywhere."""

    email: Email
    password: Password


class SignOut(StrictStruct, frozen=True):
    """Sign an account out on every device."""

    email: Email


class ResetFactors(StrictStruct, frozen=True):
    """Remove an account's second factors, for a person who has lost them all, and sign it out everywhere.

    Make sure that it is the account's owner who asks: from then on the password alone signs in.
    """

    email: Email


class Erase(StrictStruct, frozen=True):
    """Erase a person's data. Sessions stay for accounting, under a pseudonym; nothing late changes them any more."""

    email: Email


def _add(request: Request, asked: Add) -> Done:
    administration.add_account(asked.email, asked.password, asked.role, **request.audited)
    return Done(f"{asked.role.capitalize()} {asked.email} was added.")


def _invite(request: Request, asked: Invite) -> Done:
    config = request.services.config
    is_mailed = config.smtp_url is not None and not asked.is_link_only
    if is_mailed and mailable(valid_email(asked.email)) is None:
        raise Refused(NOT_MAILABLE, "email")
    secret = config.secret_key[-1] if is_mailed else ""
    token = administration.invite(asked.email, asked.role, mail_secret=secret, **request.audited)
    until = f"{request.now + LIFETIME:%Y-%m-%d %H:%M %Z}"
    sentence = f"{asked.email} is invited as {_article(asked.role)} {asked.role}, until {until}."
    if is_mailed:
        sentence += " The link goes out by mail; People shows whether it was sent."
    elif not asked.is_link_only:
        sentence += f" {NO_MAIL}"
    return Done(sentence, links={asked.email: f"{PATH}{token}"})


def _mail_invitation(request: Request, asked: MailInvitation) -> Done:
    if request.services.config.smtp_url is None:
        raise Refused(NO_MAIL)
    administration.mail_again(asked.email, **request.audited)
    return Done(f"The link goes out to {asked.email} again.")


def _withdraw_invitation(request: Request, asked: WithdrawInvitation) -> Done:
    administration.withdraw_invitation(asked.email, **request.audited)
    return Done(f"The invitation of {asked.email} was withdrawn.")


def _set_status(request: Request, asked: SetStatus) -> Done:
    ended = administration.set_account_status(request.notifications, asked.email, asked.status, **request.audited)
    return Done(f"{asked.email} is {asked.status}.{_ended(ended)}")


def _set_role(request: Request, asked: SetRole) -> Done:
    ended = administration.set_account_role(request.notifications, asked.email, asked.role, **request.audited)
    return Done(f"{asked.email} is {_article(asked.role)} {asked.role}.{_ended(ended)}")


def _set_password(request: Request, asked: SetPassword) -> Done:
    administration.set_password(request.notifications, asked.email, asked.password, **request.audited)
    return Done(f"The password of {asked.email} was changed, and it was signed out everywhere.")


def _sign_out(request: Request, asked: SignOut) -> Done:
    administration.sign_out_everywhere(request.notifications, _account_id(asked.email), **request.audited)
    return Done(f"{asked.email} was signed out everywhere.")


def _reset_factors(request: Request, asked: ResetFactors) -> Done:
    if not changes.reset(request.notifications, asked.email, **request.audited):
        raise Refused(f"{asked.email} has no second factor.")
    return Done(f"The second factors of {asked.email} were removed, and it was signed out everywhere.")


def _erase(request: Request, asked: Erase) -> Done:
    account_id = retention.erase(request.notifications, asked.email, **request.audited)
    return Done(f"The data of {asked.email} was erased; the sessions that stay are those of {pseudonym(account_id)!r}.")


@blocking
def _account_id(email: str) -> int:
    return int(find_account(email).id)


@blocking
def _present_status(email: str) -> Values:
    return {"status": find_account(email).status}


@blocking
def _present_role(email: str) -> Values:
    return {"role": find_account(email).role}


def _status_warning(asked: Values) -> Warning:
    """Name the sessions of somebody who may charge no more. Nobody is hit by being made active."""
    email, status = asked["email"], asked.get("status", "")
    question = f"Make {email} {status}?" if status else f"Change the status of {email}?"
    if status == AccountStatus.ACTIVE:
        return Warning(question, is_asked=False)
    question += " Who is stopped or suspended may sign in and look, but neither charge nor stop or change anything."
    running = sessions_of(email)
    if not running:
        return Warning(question, is_asked=False)
    consequence = "What charges goes on."
    return Warning(f"{question} {consequence}", tuple(running))


@blocking
def _erase_warning(asked: Values) -> Warning:
    return Warning(f"Erase the data of {find_account(asked['email']).email}? This cannot be undone.")


def _ended(links: int) -> str:
    if not links:
        return ""
    return " A link that it had made has ended." if links == 1 else f" {links} links that it had made have ended."


def _invite_warning(asked: Values) -> Warning | None:
    question = f"Invite {asked['email']} again? The link of the invitation that is open is no longer good then."
    return _ends_invitation(asked["email"], question)


def _withdraw_warning(asked: Values) -> Warning | None:
    return _ends_invitation(asked["email"], f"Withdraw the invitation of {asked['email']}?")


def _ends_invitation(email: str, question: str) -> Warning | None:
    """Name the open invitation, whose link would be good no more: another operator may have made it just now."""
    found = invitations.open_invitation(email, now=datetime.now(UTC))
    return Warning(question, (f"Invitation of {email} as {found}",)) if found else None


@blocking
def _password_warning(asked: Values) -> Warning | None:
    """Name the last change: another operator may have told the person a password just now."""
    email = find_account(asked["email"]).email
    last = last_done("account.password_changed", email)
    return Warning(f"Change the password of {email} again?", (f"It was changed {last}",)) if last else None


def _article(role: Role) -> str:
    return "an" if role is Role.OPERATOR else "a"


VERBS = {
    "add": Verb(Add, "Add an account", _add, is_sensitive=True),
    "invite": Verb(Invite, "Invite a person", _invite, warning=_invite_warning, is_sensitive=True),
    "mail-invitation": Verb(MailInvitation, "Mail the invitation again", _mail_invitation),
    "withdraw-invitation": Verb(
        WithdrawInvitation, "Withdraw the invitation", _withdraw_invitation, warning=_withdraw_warning
    ),
    "status": Verb(
        SetStatus,
        "Change an account's status",
        _set_status,
        _present_status,
        _status_warning,
        acts={"active": "Make active", "stopped": "Stop", "suspended": "Suspend"},
    ),
    "role": Verb(
        SetRole,
        "Change an account's role",
        _set_role,
        _present_role,
        acts={"driver": "Make driver", "operator": "Make operator"},
        is_sensitive=True,
    ),
    "password": Verb(SetPassword, "Change the password", _set_password, warning=_password_warning, is_sensitive=True),
    "sign-out": Verb(SignOut, "Sign out everywhere", _sign_out),
    "reset-factors": Verb(ResetFactors, "Remove second factors", _reset_factors, is_sensitive=True),
    "erase": Verb(
        Erase,
        "Erase personal data",
        _erase,
        warning=_erase_warning,
        is_in_parts=True,
        is_sensitive=True,
    ),
}
