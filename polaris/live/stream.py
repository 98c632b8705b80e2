"""Event streams: flask-sse's blueprint and `Message`, with the hub in place of its one Redis connection a browser.

A stream is authorised before it opens: a bare 401 or 404, never a redirect, which the browser would follow for ever.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from flask import Flask, Response, abort, request
from flask_login import current_user
from flask_sse import Message, ServerSentEventsBlueprint

from polaris.config import Config
from polaris.domain.words import Role
from polaris.ingest import Ingest
from polaris.live import charger_page, fragments, snapshot
from polaris.live.charger_topic import ChargerTopic
from polaris.live.hub import Hub, TooManyStreams
from polaris.live.snapshot import Device
from polaris.live.subscriber import Subscriber
from polaris.live.topics import AccountTopic, SessionsTopic, SessionTopic, Topic
from polaris.services import services

HEARTBEAT = "heartbeat"  # its data is the seconds until the next one
SIGNED_OUT = "signed-out"
READ_WITHIN_MS = 30_000  # a browser that takes nothing for so long is cut off; it connects anew when it is back


class Live(ServerSentEventsBlueprint):  # type: ignore[misc]  # flask-sse has no types
    """flask-sse's blueprint: its `messages` come from the hub, its `stream` is authorised by the views below."""

    def __init__(self, hub: Hub) -> None:
        super().__init__("live", __name__, url_prefix="/live")
        self._hub = hub
        self.add_url_rule("/sessions", "sessions", self._sessions)
        self.add_url_rule("/sessions/<int:number>", "session", self._session)
        self.add_url_rule("/chargers/<identity>", "charger", self._charger)
        self.add_url_rule("/account", "account", self._account)

    def messages(self, channel: Subscriber) -> Iterator[Message]:
        """A page's messages: fragments, heartbeats that the page can see, and the end where it was signed out."""
        heartbeat = Message(f"{self._hub.heartbeat_s:g}", type=HEARTBEAT)
        yield heartbeat
        for changed in channel.events(self._hub.heartbeat_s):
            yield heartbeat if changed is None else Message(fragments.in_place(changed))
        yield Message("signed out", type=SIGNED_OUT)

    def stream(self, topic: Topic) -> Response:
        """Answer with the topic's stream; headers and a first comment go out at once."""
        device = Device(current_user.id, current_user.viewer)
        try:
            subscriber = self._hub.join(topic, current_user.sign_in_id, device)
        except TooManyStreams:
            abort(Response(status=429))
        _cut_off_who_does_not_read()
        response = Response(self._body(subscriber), mimetype="text/event-stream")
        response.call_on_close(lambda: self._hub.leave(subscriber))
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"
        return response

    def _body(self, subscriber: Subscriber) -> Iterator[str]:
        yield ": connected\n\n"
        for message in self.messages(subscriber):
            yield str(message)

    def _sessions(self) -> Response:
        _require_sign_in()
        account_id = None if current_user.role is Role.OPERATOR else current_user.id
        return self.stream(SessionsTopic(account_id, snapshot.number(request.args.get("before", ""))))

    def _session(self, number: int) -> Response:
        _require_sign_in()
        if not snapshot.may_see(number, current_user.id, current_user.role):
            abort(Response(status=404))
        return self.stream(SessionTopic(number))

    def _charger(self, identity: str) -> Response:
        _require_sign_in()
        charger_id = charger_page.charger_id(identity) if current_user.role is Role.OPERATOR else None
        if charger_id is None:
            abort(Response(status=404))
        before = snapshot.number(request.args.get("before", ""))
        return self.stream(ChargerTopic(charger_id, services().tails, before))

    def _account(self) -> Response:
        _require_sign_in()
        return self.stream(AccountTopic(current_user.id))


def init_app(app: Flask, config: Config, ingest: Ingest) -> None:
    """Register the streams under /live. The hub's threads start with the first stream."""
    app.register_blueprint(Live(Hub(config, ingest, app.test_request_context)))


def _require_sign_in() -> None:
    if not current_user.is_authenticated:
        abort(Response(status=401))


def _cut_off_who_does_not_read() -> None:
    """Let the kernel end a connection whose other side takes nothing. Only gunicorn hands its socket out."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, READ_WITHIN_MS)
