"""The letters: what a mail says, made of what it is about. Each attempt makes the same one."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from polaris import link_tokens, notice_words, unsubscribing
from polaris.administration import invitations, own_passwords
from polaris.administration.invitations import Invited
from polaris.config import Config
from polaris.domain.email_addresses import mailable
from polaris.domain.enums import Role
from polaris.domain.instants import to_microseconds
from polaris.mail.outbox import Claimed, Subject
from polaris.notice_words import NoNews
from polaris.translations import Texts

OUTDATED = "The invitation is no longer good."
NO_ADDRESS = "Mail cannot be sent to this address: letters before the @ are not plain ones. Send the link yourself."
OTHER_KEY = "SECRET_KEY is another one than when the link was made. Invite the person again."
OLD_NEWS = "It could not be sent for so long that it is no news any more."
KEY_OF_RESET = "SECRET_KEY is another one than when the link was made. The person has to ask for another one."

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

Letter = tuple[EmailMessage, str]  # and its link's token, which nobody may see; "" if it has none


class NotWritten(Exception):
    """A letter that makes no sense any more; its text says why."""


class Pointless(Exception):
    """A letter that nobody waits for, or that is for nobody."""


def written(mail: Claimed, config: Config, now: datetime) -> Letter:
    """Write the letter of a mail. Raise `NotWritten` or `Pointless`."""
    match mail.about.subject:
        case Subject.INVITATION:
            return _invitation(mail, config, now)
        case Subject.PASSWORD_RESET:
            return _password_reset(mail, config, now)
        case Subject.NOTICE:
            return _notice(mail, config, now), ""


def _invitation(mail: Claimed, config: Config, now: datetime) -> Letter:
    found = invitations.mailed(mail.about.id, now=now)
    if found is None:
        raise NotWritten(OUTDATED)
    invited, token_hash = found
    token = _token(mail, config, token_hash, OTHER_KEY)
    site = _site(config)
    letter = _letter(mail, config, f"You are invited to {site}")
    words = _words_of_invitation(invited, site, f"{config.site_url}{invitations.PATH}{token}")
    letter.set_content(f"{words}{_questions(Texts.of(''), config)}")
    return letter, token


def _words_of_invitation(invited: Invited, site: str, link: str) -> str:
    return _INVITATION.format(
        who=invited.invited_by if "@" in invited.invited_by else "The operator of the chargers",
        site=site,
        email=invited.email,
        what=_WHAT[invited.role],
        link=link,
        until=invited.expires_at,
    )


def _password_reset(mail: Claimed, config: Config, now: datetime) -> Letter:
    found = own_passwords.mailed(mail.about.id, now=now)
    if found is None:
        raise Pointless  # nobody has the address, or the link was used or has expired
    opened, token_hash, language = found
    token = _token(mail, config, token_hash, KEY_OF_RESET)
    texts, site = Texts.of(language or mail.language), _site(config)
    letter = _letter(mail, config, texts.gettext("A new password for %(site)s", site=site))
    lines = (
        texts.gettext("Hello,"),
        texts.gettext("Somebody asked for a new password for %(email)s at %(site)s.", email=opened.email, site=site),
        texts.gettext("Open this link and choose one:"),
        f"{config.site_url}{own_passwords.PATH}{token}",
        texts.gettext("It is good once, until %(until)s UTC.", until=f"{opened.expires_at:%Y-%m-%d %H:%M}"),
        texts.gettext("If it was not you, do nothing: your password stays as it is."),
    )
    letter.set_content("\n\n".join(lines) + f"\n{_questions(texts, config)}")
    return letter, token


def _notice(mail: Claimed, config: Config, now: datetime) -> EmailMessage:
    try:
        told = notice_words.told(mail.about.id, now)
    except NoNews:
        raise NotWritten(OLD_NEWS) from None
    if told is None:
        raise Pointless
    unsubscribe = f"{config.site_url}{unsubscribing.PATH}{unsubscribing.token(config.secret_key, told.account_id)}"
    letter = _letter(mail, config, told.title)
    letter["List-Unsubscribe"] = f"<{unsubscribe}>"
    letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    lines = (
        f"{told.title}.",
        *told.sentences,
        f"{config.site_url}{told.path}",
        told.texts.gettext("To get no such mails any more, open this page and press the button:"),
        unsubscribe,
    )
    letter.set_content("\n\n".join(lines) + f"\n{_questions(told.texts, config)}")
    return letter


def _token(mail: Claimed, config: Config, token_hash: str, otherwise: str) -> str:
    token = link_tokens.derived_again(config.secret_key, mail.nonce, token_hash)
    if token is None:
        raise NotWritten(otherwise)
    return token


def _site(config: Config) -> str:
    return config.site_url.partition("://")[2]


def _questions(texts: Texts, config: Config) -> str:
    contact = config.operator_contact
    return f"\n{texts.gettext('Questions? %(contact)s', contact=contact)}\n" if contact else ""


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
