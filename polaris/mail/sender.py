"""The sender: a thread of its own that takes what is due out of the outbox, one mail after another.

It shares nothing with who else is in its process, so that a mail server that hangs holds nobody else.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from urllib.parse import urlsplit

from polaris.config import Config
from polaris.mail import letters, outbox, smtp
from polaris.mail.letters import NotWritten, Pointless
from polaris.mail.outbox import Claimed
from polaris.mail.smtp import Undelivered
from polaris.outage import DATABASE_GONE
from polaris.pubsub import Announcer, records_changed
from polaris.sending import SendingThread

FAULT = "It could not be made into a mail. The bridge's log says why."

log = logging.getLogger(__name__)


class Sender:
    """Sends mail from `start` to `stop`, if there is a mail server."""

    def __init__(self, config: Config, publisher: Announcer) -> None:
        self._config = config
        self._publisher = publisher
        self._thread = SendingThread("mail", self.send_due)

    def start(self) -> None:
        if self._config.smtp_url is not None:
            self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def send_due(self, now: datetime) -> bool:
        """Make the attempt that has been due for longest; return whether one was due."""
        mail = outbox.claim(now)
        if mail is None:
            return False
        self._attempt(mail, now)
        self._publisher.announce(records_changed())
        return True

    def _attempt(self, mail: Claimed, now: datetime) -> None:
        server = self._config.smtp_url
        assert server is not None
        token = ""
        try:
            letter, token = letters.written(mail, self._config, now)
            smtp.deliver(server, urlsplit(self._config.site_url).hostname or "", letter)
        except Pointless:
            outbox.forget(mail)
        except NotWritten as reason:
            outbox.not_sent(mail, str(reason), datetime.now(UTC), is_final=True)
        except Undelivered as reason:
            # Servers quote links that they do not like. Not every letter has one.
            answer = str(reason).replace(token, "…") if token else str(reason)
            outbox.not_sent(mail, answer, datetime.now(UTC), is_final=reason.is_final)
        except DATABASE_GONE:
            raise
        except Exception:  # of this mail alone: the others are sent
            log.exception("Mail %s was not sent", mail.id)
            outbox.not_sent(mail, FAULT, datetime.now(UTC), is_final=True)
        else:
            outbox.sent(mail, datetime.now(UTC))
