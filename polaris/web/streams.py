"""Event streams: flask-sse's blueprint, with the hub in place of its one Redis connection and greenlet a browser.

A stream is authorised before it opens: a bare 401 or 404, never a redirect, which the browser would follow for ever.
Flask makes the head of the answer; then the connection is the hub's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from flask import Flask, Response, abort, request
from flask_login import current_user
from flask_sse import ServerSentEventsBlueprint

from polaris import pubsub
from polaris.config import Config
from polaris.domain.enums import Role
from polaris.ingest import Ingest
from polaris.pubsub import PubSubMessage
from polaris.push import gunicorn_takeover, native
from polaris.push.access import StreamDevice
from polaris.push.gunicorn_takeover import Relay
from polaris.push.hub import Hub, TooManyStreams
from polaris.push.topic import Topic
from polaris.services import services
from polaris.web.account.topic import AccountTopic
from polaris.web.chargers import queries as charger_queries
from polaris.web.chargers.topic import ChargerTopic
from polaris.web.fleet.refresher import FleetRefresher
from polaris.web.fleet.topic import FLEET_READ, FleetTopic
from polaris.web.fleet.view import Query
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions.topic import SessionsTopic, SessionTopic

Open = Callable[[int], None]


class Stream(Response):
    """An answer whose body the hub writes. It is opened when the server asks for it, after all headers are known."""

    automatically_set_content_length = False

    def __init__(self, open_: Open) -> None:
        super().__init__(mimetype="text/event-stream")
        self.headers["Cache-Control"] = "no-store"
        self.headers["X-Accel-Buffering"] = "no"
        self._open = open_

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        headers = self.get_wsgi_headers(environ).to_wsgi_list()
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response(self.status, headers)
            return ()
        fd = gunicorn_takeover.take(start_response, self.status, headers)
        if fd is not None:
            self._give(fd)
            return ()
        start_response(self.status, headers)
        relay = Relay()
        self._give(relay.fd)
        return relay

    def _give(self, fd: int) -> None:
        try:
            self._open(fd)
        except TooManyStreams:  # one that was let in at the same moment took the last place
            native.close(fd)


class StreamsBlueprint(ServerSentEventsBlueprint):  # type: ignore[misc]  # flask-sse has no types
    """flask-sse's blueprint: its `stream` is the hub's, and authorised by the views below."""

    def __init__(self, hub: Hub, board: FleetRefresher) -> None:
        super().__init__("live", __name__, url_prefix="/live")
        self._hub = hub
        self._board = board
        self.add_url_rule("/sessions", "sessions", self._sessions)
        self.add_url_rule("/sessions/<int:number>", "session", self._session)
        self.add_url_rule("/chargers/<identity>", "charger", self._charger)
        self.add_url_rule("/account", "account", self._account)
        self.add_url_rule("/fleet", "fleet", self._fleet)

    def stream(self, topic: Topic) -> Response:
        """Answer with the topic's stream; its head and first events go out at once.

        Asked for once, it answers with what a stream would begin with: for pages that streams do not come through to.
        """
        sign_in_id, device = current_user.sign_in_id, StreamDevice(current_user.id, current_user.viewer)
        if "once" in request.args:
            return Response(self._hub.present(topic, device.viewer))
        if not self._hub.has_room(sign_in_id):
            abort(Response(status=429))
        return Stream(lambda fd: self._hub.join(topic, sign_in_id, device, fd))

    def _sessions(self) -> Response:
        _require_sign_in()
        account_id = None if current_user.role is Role.OPERATOR else current_user.id
        return self.stream(SessionsTopic(account_id, session_queries.number(request.args.get("before", ""))))

    def _session(self, number: int) -> Response:
        _require_sign_in()
        if not session_queries.may_see(number, current_user.id, current_user.role):
            abort(Response(status=404))
        return self.stream(SessionTopic(number))

    def _charger(self, identity: str) -> Response:
        _require_sign_in()
        charger_id = charger_queries.charger_id(identity) if current_user.role is Role.OPERATOR else None
        if charger_id is None:
            abort(Response(status=404))
        before = session_queries.number(request.args.get("before", ""))
        return self.stream(ChargerTopic(charger_id, services().tails, before))

    def _account(self) -> Response:
        _require_sign_in()
        return self.stream(AccountTopic(current_user.id))

    def _fleet(self) -> Response:
        _require_sign_in()
        if current_user.role is not Role.OPERATOR:
            abort(Response(status=404))
        return self.stream(FleetTopic(Query.of(request.args), self._board))


def init_app(app: Flask, config: Config, ingest: Ingest) -> None:
    """Register the streams under /live. The hub's threads start with the first stream."""
    gunicorn_takeover.is_possible()
    hub = Hub(config, ingest, app.test_request_context)
    app.register_blueprint(StreamsBlueprint(hub, make_board(config, hub)))


def make_board(config: Config, hub: Hub) -> FleetRefresher:
    """The process's board of the fleet. What it reads, it tells the hub."""
    tell = partial(hub.tell, pubsub.ALL_CHARGERS, PubSubMessage(FLEET_READ, {}))
    return FleetRefresher(timedelta(seconds=config.stale_after_s), config.reread_s, tell)


def _require_sign_in() -> None:
    if not current_user.is_authenticated:
        abort(Response(status=401))
