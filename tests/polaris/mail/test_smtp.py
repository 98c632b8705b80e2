"""A letter is delivered over TLS, or it is said why not; however the mail server behaves, that takes a bounded time."""

from __future__ import annotations

import time
from email.message import EmailMessage
from pathlib import Path

import pytest

from polaris.config import SMTP_PORTS, Config, MailServer
from polaris.mail import smtp
from polaris.mail.smtp import TOO_LATE, Undelivered, deliver
from tests.polaris.test_config import SECRETS
from tests.support import mail_server
from tests.support.certificates import Authority
from tests.support.mail_server import DROP, running
from tests.support.ports import free_port

NAME = "charging.example"


def parsed(url: str) -> MailServer:
    site = {"SITE_URL": "https://charging.example", "MAIL_FROM": "charging@example.com"}
    server = Config.from_env(SECRETS | site | {"SMTP_URL": url}).smtp_url
    assert server is not None
    return server


def letter(to: str = "zoe@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "charging@example.com", to
    message.set_content("Hello")
    return message


def refusal(url: str, to: str = "zoe@example.com") -> Undelivered:
    with pytest.raises(Undelivered) as raised:
        deliver(parsed(url), NAME, letter(to))
    return raised.value


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    authority = Authority(tmp_path / "authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    return authority


@pytest.mark.parametrize("scheme", SMTP_PORTS)
def test_delivered(authority: Authority, scheme: str) -> None:
    pair = None if scheme == "smtp+plain" else authority.sign("mail", "serverAuth")
    credentials = "" if scheme == "smtp+plain" else "polaris:se%20cret"
    with running(scheme, pair, credentials.replace("%20", " ")) as server:
        deliver(parsed(server.url.replace(" ", "%20")), NAME, letter())
    assert [found["To"] for found in server.letters] == ["zoe@example.com"]


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_certificate_of_somebody_else_refused(
    authority: Authority, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Authority(tmp_path / "other")
    with running(scheme, other.sign("mail", "serverAuth"), "polaris:secret") as server:
        reason = refusal(server.url)
        assert "Its certificate is not good: " in str(reason)
        assert not reason.is_final
        monkeypatch.setenv("SSL_CERT_FILE", str(other.certificate))
        reason = refusal(server.url.replace("127.0.0.1", "localhost"))
        assert "Its certificate is not good: Hostname mismatch" in str(reason)
    assert server.letters == []


def test_server_without_tls_gets_no_password() -> None:
    with running() as server:
        reason = refusal(server.url.replace("smtp+plain://", "smtp://polaris:secret@"))
    assert "STARTTLS extension not supported by server" in str(reason)
    assert server.letters == []


def test_wrong_password_may_be_mended(authority: Authority) -> None:
    with running("smtps", authority.sign("mail", "serverAuth"), "polaris:secret") as server:
        reason = refusal(server.url.replace("secret", "secrets"))
    assert str(reason).startswith("535 ")
    assert not reason.is_final


@pytest.mark.parametrize("at", ["to_recipient", "to_letter"])
def test_refusal_is_said_and_only_a_5xx_is_final(at: str) -> None:
    with running() as server:
        for answer, is_final in (("550 5.1.1 No such person", True), ("451 4.7.1 Try again later", False)):
            setattr(server, at, answer)
            reason = refusal(server.url)
            assert (str(reason), reason.is_final) == (answer, is_final)


def test_hostile_words_are_cleaned() -> None:
    with running() as server:
        server.to_recipient = f"550 \x1b[2J\x07 no\N{RIGHT-TO-LEFT OVERRIDE} {'x' * 400}"
        words = str(refusal(server.url))
    assert words.isprintable()
    assert len(words) == smtp.MAX_ANSWER


def test_drop_before_the_answer(authority: Authority) -> None:
    with running() as server:
        server.to_letter = DROP
        reason = refusal(server.url)
    assert "Connection unexpectedly closed" in str(reason)
    assert not reason.is_final
    assert len(server.letters) == 1


def test_nobody_there() -> None:
    port = free_port()
    assert str(refusal(f"smtp+plain://127.0.0.1:{port}")) == f"127.0.0.1:{port}: Connection refused"
    assert "no-such-host.invalid:25: " in str(refusal("smtp+plain://no-such-host.invalid"))


@pytest.mark.parametrize("scheme", SMTP_PORTS)
@pytest.mark.parametrize("each", [b"", b"2"])
def test_server_that_never_answers_is_left(scheme: str, each: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "SEND_TIMEOUT_S", 0.3)
    monkeypatch.setattr(smtp, "ANSWER_TIMEOUT_S", 5.0 if each else 0.2)
    with mail_server.dripping(each) as port:
        began = time.monotonic()
        reason = refusal(f"{scheme}://127.0.0.1:{port}")
    assert time.monotonic() - began < 5
    assert not reason.is_final
    if not (each and scheme == "smtps"):  # "2" is no TLS
        assert str(reason) == f"127.0.0.1:{port}: {TOO_LATE}"


def test_address_with_other_letters() -> None:
    with running() as server:
        deliver(parsed(server.url), NAME, letter("zoë@example.com"))
    assert server.recipients == ["zoë@example.com"]
