"""The sender of pushes: a thread of its own, so that a push service that hangs holds up no mail."""

from __future__ import annotations

import json
import logging
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from polaris import notice_words, vapid
from polaris.config import Config
from polaris.domain.notices import NEWS_FOR
from polaris.notice_words import NoNews, Told
from polaris.outage import DATABASE_GONE
from polaris.pubsub import Announcer, records_changed
from polaris.sending import SendingThread
from polaris.web_push import outbox
from polaris.web_push.endpoints import PushServices, Unreachable, origin
from polaris.web_push.outbox import Claimed

TOKEN_LIFETIME = timedelta(hours=12)  # of the proof of who sends; push services take a day at most
MAX_PAYLOAD_BYTES = 2000  # push services take 4,096, encrypted
GONE = (404, 410)
TRIED_AGAIN = (408, 425, 429)  # and all that begin with 5

OLD_NEWS = "It could not be sent for so long that it is no news any more."
REFUSED = "Its push service answered %(status)s."
FAULT = "It could not be made into a push. The bridge's log says why."

log = logging.getLogger(__name__)


class PushSender:
    """Sends pushes from `start` to `stop`, if it is known by which address people open this site."""

    def __init__(self, config: Config, publisher: Announcer, services: PushServices | None = None) -> None:
        self._config = config
        self._publisher = publisher
        self._services = services or PushServices()
        self._thread = SendingThread("push", self.send_due)

    def start(self) -> None:
        if self._config.site_url:
            self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def send_due(self, now: datetime) -> bool:
        """Make the attempt that has been due for longest; return whether one was due."""
        push = outbox.claim(self._config, now)
        if push is None:
            return False
        self._attempt(push, now)
        self._publisher.announce(records_changed())
        return True

    def _attempt(self, push: Claimed, now: datetime) -> None:
        key = vapid.key_of(self._config.secret_key, push.server_key)
        if key is None or not push.is_signed_in:
            outbox.forget_device(push)
            return
        try:
            told = notice_words.told(push.notice_id, now)
            if told is None:
                outbox.forget(push)
            else:
                self._settle(push, self._post(push, told, key, now), now)
        except NoNews:
            outbox.not_sent(push, OLD_NEWS, now, is_final=True)
        except Unreachable as reason:
            outbox.not_sent(push, str(reason), now, is_final=reason.is_final)
        except DATABASE_GONE:
            raise
        except Exception:  # of this push alone: the others are sent
            log.exception("Push %s was not sent", push.id)
            outbox.not_sent(push, FAULT, now, is_final=True)

    def _post(self, push: Claimed, told: Told, key: ec.EllipticCurvePrivateKey, now: datetime) -> int:
        body = http_ece.encrypt(
            _payload(told, push),
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=_decoded(push.p256dh),
            auth_secret=_decoded(push.auth),
            version="aes128gcm",
        )
        headers = {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(max(0, int((told.happened_at + NEWS_FOR - now).total_seconds()))),
            **_proof(self._config, push.endpoint, key, now),
        }
        return self._services.post(push.endpoint, headers, body)

    def _settle(self, push: Claimed, status: int, now: datetime) -> None:
        if 200 <= status < 300:
            outbox.sent(push)
        elif status in GONE:
            outbox.forget_device(push)
        else:
            is_final = status < 500 and status not in TRIED_AGAIN
            outbox.not_sent(push, REFUSED % {"status": status}, now, is_final=is_final)


def _payload(told: Told, push: Claimed) -> bytes:
    """Return what the service worker shows. A push that comes twice has the same tag, and is shown once."""
    body = " ".join(told.sentences)
    shown = {"title": told.title, "body": body, "path": told.path, "tag": f"notice-{push.notice_id}"}
    payload = json.dumps(shown, ensure_ascii=False).encode()
    return payload if len(payload) <= MAX_PAYLOAD_BYTES else json.dumps(shown | {"body": ""}).encode()


def _proof(config: Config, endpoint: str, key: ec.EllipticCurvePrivateKey, now: datetime) -> dict[str, str]:
    """Return the header by which the push service knows who sends (RFC 8292)."""
    sender = config.mail_from
    contact = f"mailto:{sender.addr_spec}" if sender is not None else config.site_url
    claims = {"aud": origin(endpoint), "exp": int((now + TOKEN_LIFETIME).timestamp()), "sub": contact}
    headers: dict[str, str] = Vapid02(key).sign(claims)
    return headers


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
