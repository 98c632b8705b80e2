"""Event streams: flask-sse's blueprint over the hub, instead of a Redis connection and a greenlet per browser.

A stream is authorised before it opens. A refusal is a bare 401 or 404, never a redirect, which the browser would follow
again with every reconnect. Flask makes the head of the answer; then the hub owns the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NoReturn

from flask import Flask, Response, abort, request
from flask_login import current_user
from flask_sse import ServerSentEventsBlueprint

from polaris.config import Config
from polaris.domain.enums import Role
from polaris.ingest import Ingest
from polaris.push import gunicorn_takeover, unpatched
from polaris.push.access import StreamDevice
from polaris.push.gunicorn_takeover import Relay
from polaris.push.hub import Hub, TooManyStreams
from polaris.push.topic import Topic
from polaris.services import services
from polaris.web.account.topic import AccountTopic
from polaris.web.chargers import queries as charger_queries
from polaris.web.chargers.topic import ChargerTopic
from polaris.web.fleet.refresher import FleetRefresher
from polaris.web.fleet.topic import FleetTopic
from polaris.web.fleet.view import Query
from polaris.web.security import count_as_automatic, require_operator
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions.topic import SessionsTopic, SessionTopic, WhyTopic

Join = Callable[[int], None]  # gives a socket to the hub


class EventStream(Response):
    """A response whose body the hub writes. It joins the hub when the server sends it, with all headers known."""

    automatically_set_content_length = False

    def __init__(self, join: Join) -> None:
        super().__init__(mimetype="text/event-stream")
        self.headers["Cache-Control"] = "no-store"
        self.headers["X-Accel-Buffering"] = "no"  # nginx would hold events back until its buffer is full
        self._join = join

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        headers = self.get_wsgi_headers(environ).to_wsgi_list()
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response(self.status, headers)
            return ()
        fd = gunicorn_takeover.take(start_response, self.status, headers)
        if fd is not None:
            self._join_or_close(fd)
            return ()
        start_response(self.status, headers)
        relay = Relay()
        self._join_or_close(relay.fd)
        return relay

    def _join_or_close(self, fd: int) -> None:
        try:
            self._join(fd)
        except TooManyStreams:  # another request of the same moment took the last place
            unpatched.close(fd)


class StreamsBlueprint(ServerSentEventsBlueprint):
    """flask-sse's blueprint with the hub's streams, each authorised by a view."""

    def __init__(self, hub: Hub, refresher: FleetRefresher) -> None:
        super().__init__("live", __name__, url_prefix="/live")
        self._hub = hub
        self._refresher = refresher
        self.before_request(_require_sign_in)
        self.add_url_rule("/sessions", "sessions", self._sessions)
        self.add_url_rule("/sessions/<int:number>", "session", self._session)
        self.add_url_rule("/sessions/<int:number>/why", "session_why", self._session_why)
        self.add_url_rule("/chargers/<identity>", "charger", self._charger)
        self.add_url_rule("/account", "account", self._account)
        self.add_url_rule("/fleet", "fleet", self._fleet)

    def stream(self, topic: Topic) -> Response:
        """Answer with the topic's stream; its head and first events are sent at once.

        With `?once`, answer with the snapshot alone, for pages behind proxies that let no streams through.
        """
        sign_in_id, device = current_user.sign_in_id, StreamDevice(current_user.id, current_user.viewer)
        if "once" in request.args:
            return Response(self._hub.snapshot(topic, device.viewer))
        if not self._hub.has_room(sign_in_id):
            abort(Response(status=429))
        return EventStream(lambda fd: self._hub.join(topic, sign_in_id, device, fd))

    def _sessions(self) -> Response:
        account_id = None if current_user.role is Role.OPERATOR else current_user.id
        return self.stream(SessionsTopic(account_id, session_queries.parse_number(request.args.get("before", ""))))

    def _session(self, number: int) -> Response:
        return self.stream(SessionTopic(number, _visible(number)))

    def _session_why(self, number: int) -> Response:
        return self.stream(WhyTopic(number, _visible(number)))

    def _charger(self, identity: str) -> Response:
        require_operator(_refuse)
        charger_id = charger_queries.charger_id(identity)
        if charger_id is None:
            _refuse(404)
        before = session_queries.parse_number(request.args.get("before", ""))
        return self.stream(ChargerTopic(charger_id, services().tails, before))

    def _account(self) -> Response:
        return self.stream(AccountTopic(current_user.id))

    def _fleet(self) -> Response:
        require_operator(_refuse)
        return self.stream(FleetTopic(Query.of(request.args), self._refresher))


def init_app(app: Flask, config: Config, ingest: Ingest) -> None:
    """Register the streams under /live. The hub's threads start with the first stream."""
    gunicorn_takeover.is_possible()
    hub = Hub(config, ingest, app.test_request_context)
    refresher = FleetRefresher(timedelta(seconds=config.stale_after_s), config.reread_s, hub.listener)
    app.register_blueprint(StreamsBlueprint(hub, refresher))


def _require_sign_in() -> None:
    count_as_automatic()
    if not current_user.is_authenticated:
        _refuse(401)


def _visible(number: int) -> int:
    """Return the id of the charger of a session that the user may see."""
    charger_id = session_queries.visible(number, current_user.id, current_user.role)
    return _refuse(404) if charger_id is None else charger_id


def _refuse(status: int) -> NoReturn:
    abort(Response(status=status))
