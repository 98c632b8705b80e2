"""Verbs for accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
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
from polaris.domain.sentences import N_, Sentence, say, say_count, together
from polaris.models import blocking
from polaris.verbs.verb import Done, Request, Values, Verb, Warning

Email = Annotated[str, Meta(title="E-mail", description="The account's e-mail address.", max_length=320)]
# Without `max_length`: a browser would cut a longer one off unseen.
Password = Annotated[str, SECRET, Meta(description="12 to 128 characters.")]

NO_MAIL = say("Mail is not set up (SMTP_URL), so send the link yourself.")
NOT_MAILABLE = say(
    "Mail cannot be sent to this address: letters before the @ are not plain ones. Choose “No mail”, and send the link "
    "yourself."
)


INVITED = {
    Role.DRIVER: N_("%(email)s is invited as a driver, until %(until)s."),
    Role.OPERATOR: N_("%(email)s is invited as an operator, until %(until)s."),
}
IS_NOW: dict[StrEnum, str] = {
    Role.DRIVER: N_("%(email)s is a driver."),
    Role.OPERATOR: N_("%(email)s is an operator."),
    AccountStatus.ACTIVE: N_("%(email)s is active."),
    AccountStatus.STOPPED: N_("%(email)s is stopped."),
    AccountStatus.SUSPENDED: N_("%(email)s is suspended."),
}
TO_BE: dict[str, str] = {
    "": N_("Change the status of %(email)s?"),
    AccountStatus.ACTIVE: N_("Make %(email)s active?"),
    AccountStatus.STOPPED: N_("Make %(email)s stopped?"),
    AccountStatus.SUSPENDED: N_("Make %(email)s suspended?"),
}


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
    text = N_("Operator %(email)s was added.") if asked.role is Role.OPERATOR else N_("Driver %(email)s was added.")
    return Done(say(text, email=asked.email))


def _invite(request: Request, asked: Invite) -> Done:
    config = request.services.config
    is_mailed = config.smtp_url is not None and not asked.is_link_only
    if is_mailed and mailable(valid_email(asked.email)) is None:
        raise Refused(NOT_MAILABLE, "email")
    secret = config.secret_key[-1] if is_mailed else ""
    token = administration.invite(asked.email, asked.role, mail_secret=secret, **request.audited)
    until = f"{request.now + LIFETIME:%Y-%m-%d %H:%M %Z}"
    sentence = say(INVITED[asked.role], email=asked.email, until=until)
    if is_mailed:
        sentence = together(sentence, say("The link goes out by mail; People shows whether it was sent."))
    elif not asked.is_link_only:
        sentence = together(sentence, NO_MAIL)
    return Done(sentence, links={asked.email: f"{PATH}{token}"})


def _mail_invitation(request: Request, asked: MailInvitation) -> Done:
    if request.services.config.smtp_url is None:
        raise Refused(NO_MAIL)
    administration.mail_again(asked.email, **request.audited)
    return Done(say("The link goes out to %(email)s again.", email=asked.email))


def _withdraw_invitation(request: Request, asked: WithdrawInvitation) -> Done:
    administration.withdraw_invitation(asked.email, **request.audited)
    return Done(say("The invitation of %(email)s was withdrawn.", email=asked.email))


def _set_status(request: Request, asked: SetStatus) -> Done:
    ended = administration.set_account_status(request.notifications, asked.email, asked.status, **request.audited)
    return Done(together(say(IS_NOW[asked.status], email=asked.email), _ended(ended)))


def _set_role(request: Request, asked: SetRole) -> Done:
    ended = administration.set_account_role(request.notifications, asked.email, asked.role, **request.audited)
    return Done(together(say(IS_NOW[asked.role], email=asked.email), _ended(ended)))


def _set_password(request: Request, asked: SetPassword) -> Done:
    administration.set_password(request.notifications, asked.email, asked.password, **request.audited)
    return Done(say("The password of %(email)s was changed, and it was signed out everywhere.", email=asked.email))


def _sign_out(request: Request, asked: SignOut) -> Done:
    administration.sign_out_everywhere(request.notifications, _account_id(asked.email), **request.audited)
    return Done(say("%(email)s was signed out everywhere.", email=asked.email))


def _reset_factors(request: Request, asked: ResetFactors) -> Done:
    if not changes.reset(request.notifications, asked.email, **request.audited):
        raise Refused(say("%(email)s has no second factor.", email=asked.email))
    return Done(
        say("The second factors of %(email)s were removed, and it was signed out everywhere.", email=asked.email)
    )


def _erase(request: Request, asked: Erase) -> Done:
    account_id = retention.erase(request.notifications, asked.email, **request.audited)
    return Done(
        say(
            "The data of %(email)s was erased; the sessions that stay are those of %(pseudonym)s.",
            email=asked.email,
            pseudonym=repr(pseudonym(account_id)),
        )
    )


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
    question = say(TO_BE[status], email=email)
    if status == AccountStatus.ACTIVE:
        return Warning(question, is_asked=False)
    question = together(
        question,
        say("Who is stopped or suspended may sign in and look, but neither charge nor stop or change anything."),
    )
    running = sessions_of(email)
    if not running:
        return Warning(question, is_asked=False)
    return Warning(together(question, say("What charges goes on.")), tuple(running))


@blocking
def _erase_warning(asked: Values) -> Warning:
    return Warning(say("Erase the data of %(email)s? This cannot be undone.", email=find_account(asked["email"]).email))


def _ended(links: int) -> str:
    if not links:
        return ""
    return say_count("%(num)s link that it had made has ended.", "%(num)s links that it had made have ended.", links)


def _invite_warning(asked: Values) -> Warning | None:
    question = say(
        "Invite %(email)s again? The link of the invitation that is open is no longer good then.", email=asked["email"]
    )
    return _ends_invitation(asked["email"], question)


def _withdraw_warning(asked: Values) -> Warning | None:
    return _ends_invitation(asked["email"], say("Withdraw the invitation of %(email)s?", email=asked["email"]))


def _ends_invitation(email: str, question: Sentence) -> Warning | None:
    """Name the open invitation, whose link would be good no more: another operator may have made it just now."""
    found = invitations.open_invitation(email, now=datetime.now(UTC))
    return (
        Warning(question, (say("Invitation of %(email)s as %(found)s", email=email, found=found),)) if found else None
    )


@blocking
def _password_warning(asked: Values) -> Warning | None:
    """Name the last change: another operator may have told the person a password just now."""
    email = find_account(asked["email"]).email
    last = last_done("account.password_changed", email)
    return (
        Warning(
            say("Change the password of %(email)s again?", email=email), (say("It was changed %(last)s", last=last),)
        )
        if last
        else None
    )


VERBS = {
    "add": Verb(Add, say("Add an account"), _add, is_sensitive=True),
    "invite": Verb(Invite, say("Invite a person"), _invite, warning=_invite_warning, is_sensitive=True),
    "mail-invitation": Verb(MailInvitation, say("Mail the invitation again"), _mail_invitation),
    "withdraw-invitation": Verb(
        WithdrawInvitation, say("Withdraw the invitation"), _withdraw_invitation, warning=_withdraw_warning
    ),
    "status": Verb(
        SetStatus,
        say("Change an account's status"),
        _set_status,
        _present_status,
        _status_warning,
        acts={"active": say("Make active"), "stopped": say("Stop"), "suspended": say("Suspend")},
    ),
    "role": Verb(
        SetRole,
        say("Change an account's role"),
        _set_role,
        _present_role,
        acts={"driver": say("Make driver"), "operator": say("Make operator")},
        is_sensitive=True,
    ),
    "password": Verb(
        SetPassword, say("Change the password"), _set_password, warning=_password_warning, is_sensitive=True
    ),
    "sign-out": Verb(SignOut, say("Sign out everywhere"), _sign_out),
    "reset-factors": Verb(ResetFactors, say("Remove second factors"), _reset_factors, is_sensitive=True),
    "erase": Verb(
        Erase,
        say("Erase personal data"),
        _erase,
        warning=_erase_warning,
        is_in_parts=True,
        is_sensitive=True,
    ),
}
