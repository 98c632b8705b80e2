"""The delivery of one letter to the mail server. It takes a bounded time, and says in words why it failed."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from email.message import EmailMessage

from polaris.config import MailServer

ANSWER_TIMEOUT_S = 20.0
SEND_TIMEOUT_S = 60.0  # without it, a server that answers a byte at a time would hold the sender for ever
MAX_ANSWER = 200  # characters
READY = 220

TOO_LATE = "It did not answer in time."


class Undelivered(Exception):
    """A letter that the mail server has not taken; its text says why. `is_final` if it never will."""

    def __init__(self, words: str, *, is_final: bool = False) -> None:
        super().__init__(words)
        self.is_final = is_final


def deliver(server: MailServer, own_name: str, letter: EmailMessage) -> None:
    """Deliver a letter, naming this host by its `own_name`. Raise `Undelivered`."""
    client = _client(server, own_name)
    is_cut = threading.Event()
    cut = threading.Timer(SEND_TIMEOUT_S, _cut, (client, is_cut))
    cut.daemon = True
    cut.start()
    try:
        _send(client, server, letter)
    except OSError as error:
        raise _undelivered(error, server, is_cut=is_cut.is_set()) from None
    finally:
        cut.cancel()
        client.close()


def cleaned(words: str) -> str:
    """Return a server's words on one short line, without what could command a terminal."""
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    return " ".join(printable.split())[:MAX_ANSWER]


def _client(server: MailServer, own_name: str) -> smtplib.SMTP:
    if server.scheme == "smtps":
        context = ssl.create_default_context()
        client: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=own_name, timeout=ANSWER_TIMEOUT_S, context=context)
    else:
        client = smtplib.SMTP(local_hostname=own_name, timeout=ANSWER_TIMEOUT_S)
    # The name that the certificate has to have: smtplib takes it where it also connects, before it could be cut off.
    client._host = server.host  # type: ignore[attr-defined]
    return client


def _send(client: smtplib.SMTP, server: MailServer, letter: EmailMessage) -> None:
    code, words = client.connect(server.host, server.port)
    if code != READY:
        raise smtplib.SMTPConnectError(code, words)
    if server.scheme == "smtp":
        client.starttls(context=ssl.create_default_context())
    if server.user:
        client.login(server.user, server.password)
    client.send_message(letter)
    with suppress(OSError):
        client.putcmd("quit")  # its answer changes nothing


def _cut(client: smtplib.SMTP, is_cut: threading.Event) -> None:
    """Break the connection under a call that waits for the server."""
    is_cut.set()
    if client.sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(client.sock, socket.SHUT_RDWR)


def _undelivered(error: OSError, server: MailServer, *, is_cut: bool) -> Undelivered:
    """Say what an error means. A refusal of the address or of the letter is final; all else may be mended."""
    match error:
        case _ if is_cut or isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            reason = TOO_LATE  # what was read until then may be half an answer
        case smtplib.SMTPRecipientsRefused():
            ((code, words),) = error.recipients.values()
            return _refused(code, words, is_final=code >= 500)
        case smtplib.SMTPDataError():
            return _refused(error.smtp_code, error.smtp_error, is_final=error.smtp_code >= 500)
        case smtplib.SMTPResponseException():
            return _refused(error.smtp_code, error.smtp_error)
        case ssl.SSLCertVerificationError():
            reason = f"Its certificate is not good: {error.verify_message}"
        case smtplib.SMTPException():
            reason = str(error)
        case _:
            reason = error.strerror or type(error).__name__
    return Undelivered(cleaned(f"{server.host}:{server.port}: {reason}"))


def _refused(code: int, words: bytes | str, *, is_final: bool = False) -> Undelivered:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return Undelivered(cleaned(f"{code} {text}"), is_final=is_final)
