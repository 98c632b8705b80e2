"""A mail that is queued is sent once, whatever happens; what is not good any more is not sent."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from email.message import EmailMessage

import pytest

from polaris import administration
from polaris.administration import COMMAND_LINE, AlreadySo, Refused, invitations
from polaris.administration import outbox as administration_outbox
from polaris.administration.invitations import LIFETIME, NoLongerGood, invite, invited, mail_again
from polaris.config import Config
from polaris.domain import mail as lifecycle
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.mail import LEASE, MailProgress, MailState
from polaris.mail import Sender, outbox
from polaris.mail.letters import NO_ADDRESS
from polaris.mail.sender import FAULT
from polaris.models import Account, AuditEntry, Invitation, Mail, blocking, run_blocking
from polaris.pubsub import Publisher
from tests.support.cast import PASSWORD, now
from tests.support.mail_server import DROP, MailServer

pytestmark = pytest.mark.both_databases

AT = now()
WHO = {"actor": COMMAND_LINE, "now": AT}
ZOE = "zoe@example.com"
OLGA = "olga@example.com"


@pytest.fixture
def token(mail_config: Config, sender: Sender) -> str:
    """Of an invitation that goes out by mail."""
    return invite(ZOE, Role.DRIVER, mail_secret=mail_config.secret_key[-1], **WHO)


@blocking
def row() -> Mail:
    mail: Mail = Mail.get()
    return mail


@blocking
def mails() -> list[Mail]:
    return list(Mail.select().order_by(Mail.id))


def progress() -> MailProgress:
    (found,) = invitations.pending(2, now=AT)
    assert found.mail
    return found.mail


def link_in(letter: EmailMessage) -> str:
    found = re.search(r"^https://charging\.example/invitations/(\S+)\r?$", letter.get_content(), re.MULTILINE)
    assert found, letter.as_string()
    return found[1]


def test_link_arrives(token: str, sender: Sender, server: MailServer) -> None:
    assert progress().state is MailState.WAITING
    assert sender.send_due(AT)
    assert not sender.send_due(AT + timedelta(days=2))
    (letter,) = server.letters
    assert link_in(letter) == token
    assert invited(token, now=AT).email == ZOE
    assert progress().state is MailState.SENT
    assert progress().sent_at


def test_no_secret_waits_in_the_outbox(token: str) -> None:
    assert token not in str(row().__data__)
    with pytest.raises(NoLongerGood):
        invited(row().nonce, now=AT)


def test_mail_is_queued_with_its_invitation_or_not_at_all(
    mail_config: Config, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(administration_outbox, "MAX_WAITING", 1)
    secret = mail_config.secret_key[-1]
    invite(ZOE, Role.DRIVER, mail_secret=secret, **WHO)
    with pytest.raises(Refused, match="1 mails wait"):
        invite("yan@example.com", Role.DRIVER, mail_secret=secret, **WHO)
    assert [found.email for found in invitations.pending(5, now=AT)] == [ZOE]


def test_server_that_is_down_for_an_hour(token: str, sender: Sender, server: MailServer) -> None:
    server.stop()
    at = AT
    while at < AT + timedelta(hours=1):
        sender.send_due(at)
        assert progress().state is MailState.WAITING
        assert "Connection refused" in progress().answer
        at += timedelta(minutes=5)
    server.start()
    assert sender.send_due(at + lifecycle.MAX_PAUSE)
    assert link_in(server.letters[0]) == token
    assert progress().answer == ""


def test_given_up_after_a_day(token: str, sender: Sender, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "GIVE_UP_AFTER", timedelta())
    server.stop()
    assert sender.send_due(AT)
    assert progress().state is MailState.FAILED
    assert not sender.send_due(AT + timedelta(days=2))


def test_refused_address_is_not_tried_again(token: str, sender: Sender, server: MailServer) -> None:
    server.to_recipient = "550 5.1.1 No such person"
    assert sender.send_due(AT)
    assert (progress().state, progress().answer) == (MailState.FAILED, "550 5.1.1 No such person")
    assert not sender.send_due(AT + timedelta(days=2))


def test_address_that_no_mail_server_takes(mail_config: Config, sender: Sender, server: MailServer) -> None:
    invite("jörg@example.com", Role.DRIVER, mail_secret=mail_config.secret_key[-1], **WHO)
    assert sender.send_due(AT)
    assert (progress().state, progress().answer) == (MailState.FAILED, NO_ADDRESS)
    assert server.letters == []


def test_fault_of_one_mail_ends_that_mail_alone(
    token: str, mail_config: Config, sender: Sender, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    run_blocking(Invitation.update(role="nobody").execute)
    invite("yan@example.com", Role.DRIVER, mail_secret=mail_config.secret_key[-1], actor=COMMAND_LINE, now=AT)
    while sender.send_due(AT + timedelta(seconds=1)):
        pass
    assert [letter["To"] for letter in server.letters] == ["yan@example.com"]
    assert [mail.answer for mail in mails()] == [FAULT, ""]
    assert "ValueError" in caplog.text


def test_link_in_the_servers_words_is_hidden(token: str, sender: Sender, server: MailServer) -> None:
    server.to_letter = f"554 No links like https://charging.example/invitations/{token}"
    sender.send_due(AT)
    assert progress().answer == "554 No links like https://charging.example/invitations/…"


def test_repeated_attempt_sends_the_same_letter(token: str, sender: Sender, server: MailServer) -> None:
    server.to_letter = DROP
    sender.send_due(AT)
    assert progress().state is MailState.WAITING
    server.to_letter = "250 OK"
    sender.send_due(AT + timedelta(hours=1))
    first, second = server.letters
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()


def test_killed_sender_leaves_its_mail_due(token: str, sender: Sender, server: MailServer) -> None:
    assert outbox.claim(AT)  # and it is killed
    assert not sender.send_due(AT + LEASE - timedelta(seconds=1))
    assert sender.send_due(AT + LEASE)
    assert link_in(server.letters[0]) == token


def test_of_many_senders_one_sends(token: str, sender: Sender, server: MailServer) -> None:
    threads = [threading.Thread(target=sender.send_due, args=(AT,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.letters) == 1
    assert progress().state is MailState.SENT


def test_slow_sender_changes_nothing_of_another(token: str, sender: Sender, server: MailServer) -> None:
    slow = outbox.claim(AT)
    assert slow
    assert sender.send_due(AT + LEASE)
    outbox.not_sent(slow, "late", AT + LEASE, is_final=True)
    assert progress().state is MailState.SENT


def test_replaced_invitation_has_a_mail_of_its_own(
    token: str, mail_config: Config, sender: Sender, server: MailServer
) -> None:
    under_way = outbox.claim(AT)
    assert under_way
    second = invite(ZOE, Role.OPERATOR, mail_secret=mail_config.secret_key[-1], **WHO)
    outbox.sent(under_way, AT)
    assert progress().state is MailState.WAITING
    while sender.send_due(AT):
        pass
    assert [link_in(letter) for letter in server.letters] == [second]
    invite(ZOE, Role.DRIVER, **WHO)  # by a link alone
    assert invitations.pending(2, now=AT)[0].mail is None


@pytest.mark.parametrize("how", ["withdrawn", "accepted", "added"])
def test_invitation_that_is_gone_is_not_sent(token: str, sender: Sender, server: MailServer, how: str) -> None:
    match how:
        case "withdrawn":
            administration.withdraw_invitation(ZOE, **WHO)
        case "accepted":
            invitations.accept(token, PASSWORD, now=AT)
        case "added":
            administration.add_account(ZOE, PASSWORD, Role.DRIVER, **WHO)
    assert not sender.send_due(AT)
    assert server.letters == []


def test_expired_invitation_is_not_sent(token: str, sender: Sender, server: MailServer) -> None:
    sender.send_due(AT + LIFETIME)
    assert server.letters == []
    assert row().state == MailState.FAILED


def test_mail_of_somebody_who_may_not_invite_any_more(
    mail_config: Config, sender: Sender, server: MailServer, publisher: Publisher
) -> None:
    for email in (OLGA, "otto@example.com"):
        administration.add_account(email, PASSWORD, Role.OPERATOR, **WHO)
    invite(ZOE, Role.DRIVER, mail_secret=mail_config.secret_key[-1], actor=OLGA, now=AT)
    administration.set_account_status(publisher, OLGA, AccountStatus.SUSPENDED, **WHO)
    assert not sender.send_due(AT)
    assert server.letters == []
    assert mails() == []


def test_sent_once_more_under_a_new_message_id(token: str, sender: Sender, server: MailServer) -> None:
    with pytest.raises(AlreadySo):
        mail_again(ZOE, **WHO)
    sender.send_due(AT)
    later = AT + timedelta(hours=1)
    mail_again(ZOE, actor=COMMAND_LINE, now=later)
    sender.send_due(later)
    first, second = server.letters
    assert link_in(first) == link_in(second) == token
    assert first["Message-ID"] != second["Message-ID"]
    with pytest.raises(Refused, match="There is no invitation for"):
        mail_again("yan@example.com", **WHO)
    assert [entry.detail for entry in AuditEntry.select().order_by(AuditEntry.id)] == ["driver, by mail", "driver"]


def test_secret_key_that_was_rotated_still_makes_the_link(
    token: str, mail_settings: dict[str, str], server: MailServer, publisher: Publisher
) -> None:
    old, new = mail_settings["SECRET_KEY"], "n" * 32
    rotated = Config.from_env(mail_settings | {"SECRET_KEY": f"1:{old},2:{new}"})
    assert Sender(rotated, publisher).send_due(AT)
    assert link_in(server.letters[0]) == token


def test_secret_key_that_was_replaced_makes_no_link(
    token: str, mail_settings: dict[str, str], server: MailServer, publisher: Publisher
) -> None:
    assert Sender(Config.from_env(mail_settings | {"SECRET_KEY": "n" * 32}), publisher).send_due(AT)
    assert server.letters == []
    assert "SECRET_KEY is another one" in progress().answer


def test_headers(token: str, sender: Sender, server: MailServer) -> None:
    sender.send_due(AT)
    (letter,) = server.letters
    assert letter["From"] == "Charging <charging@example.com>"
    assert letter["To"] == ZOE
    assert letter["Subject"] == "You are invited to charging.example"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"].datetime == AT.replace(microsecond=0)
    assert re.fullmatch(r"<[0-9a-f]{32}\.\d+@example\.com>", letter["Message-ID"])
    assert letter.get_content_type() == "text/plain"
    assert token not in letter["Message-ID"]


@blocking
def rename_inviter(name: str) -> None:
    Invitation.update(invited_by=name).execute()
    Account.create(email=name, role="operator", status="active", password_hash="", created_at=AT)


@pytest.mark.parametrize(
    "name",
    ["a\r\nBcc: eve@example.com\r\n\r\n@x", f"{'o' * 250}@x", "{link.__class__}@x", "é@x"],
    ids=["newlines", "long", "braces", "letters"],
)
def test_hostile_names_stay_in_the_text(token: str, sender: Sender, server: MailServer, name: str) -> None:
    rename_inviter(name)
    sender.send_due(AT)
    (letter,) = server.letters
    assert server.recipients == [ZOE]
    assert letter["Bcc"] is None
    assert link_in(letter) == token


def test_domain_in_letters_is_spelled_for_mail_servers(mail_config: Config, sender: Sender, server: MailServer) -> None:
    invite("zoe@bücher.example", Role.DRIVER, mail_secret=mail_config.secret_key[-1], **WHO)
    sender.send_due(AT)
    assert server.recipients == ["zoe@xn--bcher-kva.example"]
