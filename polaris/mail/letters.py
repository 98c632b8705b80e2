"""The letters: what a mail says, made of what it is about. Each attempt makes the same one."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from polaris import link_tokens
from polaris.administration import invitations
from polaris.administration.invitations import PATH, Invited
from polaris.config import Config
from polaris.domain.email_addresses import mailable
from polaris.domain.enums import Role
from polaris.domain.instants import to_microseconds
from polaris.mail.outbox import Claimed

OUTDATED = "The invitation is no longer good."
NO_ADDRESS = "Mail cannot be sent to this address: letters before the @ are not plain ones. Send the link yourself."
OTHER_KEY = "SECRET_KEY is another one than when the link was made. Invite the person again."

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=998)  # all servers take it, and no link is broken
_INVITATION = """\
Hello,

{who} invites you to {site}, for the address {email}.
{what}

Open this link and choose a password:

{link}

It is good once, until {until:%Y-%m-%d %H:%M} UTC.
If you did not expect this, do nothing: no account is made.
"""
_WHAT = {
    Role.DRIVER: "You can watch your car charge, and stop it from wherever you are.",
    Role.OPERATOR: "As an operator you see and change everything there.",
}


class NotWritten(Exception):
    """A letter that makes no sense any more; its text says why."""


def invitation(mail: Claimed, config: Config, now: datetime) -> tuple[EmailMessage, str]:
    """Write the letter of an invitation; return its link's token, too, which nobody may see. Raise `NotWritten`."""
    found = invitations.mailed(mail.invitation_id, now=now)
    if found is None:
        raise NotWritten(OUTDATED)
    invited, token_hash = found
    token = link_tokens.derived_again(config.secret_key, mail.nonce, token_hash)
    if token is None:
        raise NotWritten(OTHER_KEY)
    site = config.site_url.partition("://")[2]
    letter = _letter(mail, config, f"You are invited to {site}")
    letter.set_content(_words(invited, site, f"{config.site_url}{PATH}{token}", config.operator_contact))
    return letter, token


def _words(invited: Invited, site: str, link: str, contact: str) -> str:
    text = _INVITATION.format(
        who=invited.invited_by if "@" in invited.invited_by else "The operator of the chargers",
        site=site,
        email=invited.email,
        what=_WHAT[invited.role],
        link=link,
        until=invited.expires_at,
    )
    return f"{text}\nQuestions? {contact}\n" if contact else text


def _letter(mail: Claimed, config: Config, subject: str) -> EmailMessage:
    """Begin a letter. If it comes twice, since nobody knew how an attempt ended, it has the same Message-ID."""
    assert config.mail_from is not None
    address = mailable(mail.recipient)
    if address is None:
        raise NotWritten(NO_ADDRESS)
    letter = EmailMessage(_POLICY)
    letter["From"] = config.mail_from
    letter["To"] = Address(addr_spec=address)
    letter["Subject"] = subject
    letter["Date"] = mail.queued_at.replace(microsecond=0)
    letter["Message-ID"] = f"<{mail.nonce}.{to_microseconds(mail.queued_at)}@{config.mail_from.domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    return letter
