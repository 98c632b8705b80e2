"""Event streams: flask-sse's blueprint over the hub, instead of a Redis connection and a greenlet per browser.

A stream is authorised before it opens. A refusal is a bare 401 or 404, never a redirect, which the browser would follow
again with every reconnect. Flask makes the head of the answer; then the hub owns the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from flask import Flask, Response, abort, current_app, g, request
from flask_login import current_user
from flask_sse import ServerSentEventsBlueprint
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from polaris.administration import lifetimes
from polaris.config import Config
from polaris.domain import filters
from polaris.domain.enums import Role
from polaris.domain.fleet_query import Query
from polaris.domain.languages import ENGLISH, NAMES
from polaris.ingest import Ingest
from polaris.lists import bulks, sites
from polaris.ocpp_log.filter import MessageFilter
from polaris.push import gunicorn_takeover, unpatched
from polaris.push.gunicorn_takeover import Relay
from polaris.push.hub import Hub, TooManyStreams
from polaris.push.subscribers import Browser
from polaris.push.topic import Topic
from polaris.services import services
from polaris.web import languages, security_events
from polaris.web.account.topic import AccountTopic
from polaris.web.attention.topic import AttentionCountTopic, AttentionTopic
from polaris.web.audit.queries import Wanted as AuditWanted
from polaris.web.audit.topic import AuditTopic
from polaris.web.behaviour.topic import BehaviourTopic
from polaris.web.bulk.topic import BulksTopic, BulkTopic, Shown
from polaris.web.cards.rows import Wanted as CardsWanted
from polaris.web.cards.topic import CardsTopic, OwnCardsTopic
from polaris.web.chargers import queries as charger_queries
from polaris.web.chargers.topic import ChargerTopic
from polaris.web.commands import queries as command_queries
from polaris.web.commands.topic import CommandsTopic, CommandTopic
from polaris.web.commissioning import electrician
from polaris.web.commissioning.topic import CommissioningTopic, ElectricianTopic
from polaris.web.comparison.queries import Wanted as ComparisonWanted
from polaris.web.comparison.topic import ComparisonTopic
from polaris.web.fleet.refresher import FleetRefresher
from polaris.web.fleet.topic import FleetTopic, WallTopic
from polaris.web.home.topic import HomeTopic, SiteChargersTopic
from polaris.web.home.view import HomeFilter
from polaris.web.messages import queries as message_queries
from polaris.web.messages.topic import MessagesTopic
from polaris.web.people import queries as people_queries
from polaris.web.people.rows import Wanted as PeopleWanted
from polaris.web.people.topic import PeopleTopic, PersonTopic
from polaris.web.security import client_address, count_as_automatic, require_operator
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions.listed import Wanted
from polaris.web.sessions.topic import OperatorSessionsTopic, ReceiptTopic, SessionsTopic, SessionTopic, WhyTopic
from polaris.web.sites.topic import SitesTopic, SiteTopic
from polaris.web.start import queries as start_queries
from polaris.web.start.topic import StartTopic
from polaris.web.tariffs.queries import Wanted as TariffsWanted
from polaris.web.tariffs.topic import TariffsTopic
from polaris.web.walls import access
from polaris.web.walls.topic import WallsTopic

# Of one stream: without it, one request could have the hub read any number of pages.
MAX_TOPICS = 50
WALL = "wall"  # the one topic that a screen without a sign-in may watch
ELECTRICIAN = "electrician"  # the one topic that the link of a charger's commissioning may watch

Args = MultiDict[str, str]
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
        except TooManyStreams:  # another request of the same moment took the last file
            unpatched.close(fd)


class StreamsBlueprint(ServerSentEventsBlueprint):
    """flask-sse's blueprint with the hub's streams. Each topic has an address, whose view authorises it.

    The address of a topic is its stream; `/live/?topic=ADDRESS&topic=…` is the stream of several, one for all tabs of a
    browser. A topic that is refused there is named, and ends none of the others.
    """

    def __init__(self, hub: Hub, refresher: FleetRefresher) -> None:
        super().__init__("live", __name__, url_prefix="/live")
        self._hub = hub
        self._refresher = refresher
        self.before_request(_require_sign_in)
        self._topics: dict[str, Callable[..., Topic]] = {
            "home": self._home,
            "home_chargers": self._home_chargers,
            "sessions": self._sessions,
            "session": self._session,
            "session_why": self._session_why,
            "start": self._start,
            "session_receipt": self._session_receipt,
            "charger": self._charger,
            "commands": self._commands,
            "command": self._command,
            "comparison": self._comparison,
            "commissioning": self._commissioning,
            ELECTRICIAN: self._electrician,
            "messages": self._messages,
            "behaviour": self._behaviour,
            "account": self._account,
            "fleet": self._fleet,
            "audit": self._audit,
            "attention": self._attention,
            "attention_count": self._attention_count,
            "walls": self._walls,
            "bulks": self._bulks,
            "bulk": self._bulk,
            WALL: self._wall,
            "sites": self._sites,
            "site": self._site,
            "tariffs": self._tariffs,
            "people": self._people,
            "person": self._person,
            "cards": self._cards,
        }
        self.add_url_rule("/", "several", self._several)
        for rule, endpoint in (
            ("/home", "home"),
            ("/home/chargers/<id:site_id>", "home_chargers"),
            ("/sessions", "sessions"),
            ("/sessions/<id:number>", "session"),
            ("/sessions/<id:number>/why", "session_why"),
            ("/start/<identity>/<id:connector>", "start"),
            ("/sessions/<id:number>/receipt", "session_receipt"),
            ("/chargers/<identity>", "charger"),
            ("/chargers/<identity>/commands", "commands"),
            ("/chargers/<identity>/commands/<id:command_id>", "command"),
            ("/chargers/<identity>/comparison", "comparison"),
            ("/chargers/<identity>/commission", "commissioning"),
            ("/electrician", ELECTRICIAN),
            ("/chargers/<identity>/messages", "messages"),
            ("/chargers/<identity>/behaviour", "behaviour"),
            ("/account", "account"),
            ("/fleet", "fleet"),
            ("/audit", "audit"),
            ("/attention", "attention"),
            ("/attention/count", "attention_count"),
            ("/walls", "walls"),
            ("/bulk", "bulks"),
            ("/bulk/<id:number>", "bulk"),
            ("/wall", WALL),
            ("/sites", "sites"),
            ("/sites/<id:site_id>", "site"),
            ("/tariffs", "tariffs"),
            ("/people", "people"),
            ("/people/<id:account_id>", "person"),
            ("/cards", "cards"),
        ):
            self.add_url_rule(rule, endpoint, self._single)

    def stream(self, topics: Mapping[str, Topic], refused: Iterable[str] = ()) -> Response:
        """Answer with the stream of some topics by their addresses; its head and first events are sent at once.

        With `?if_room`, only if that displaces no other stream.
        """
        browser = _browser()
        if self._hub.is_full:
            _refuse(503)
        if "if_room" in request.args and not self._hub.has_room(browser, topics.values()):
            _refuse(429)
        return EventStream(lambda fd: self._hub.join(topics, refused, browser, fd))

    def close(self) -> None:
        """End every stream and the threads behind them."""
        self._hub.close()
        self._refresher.close()

    def _several(self) -> Response:
        addresses = request.args.getlist("topic")
        if not 1 <= len(addresses) <= MAX_TOPICS:
            _refuse(400)
        topics, refused = {}, []
        for address in addresses:
            try:
                topics[address] = self._topic(address)
            except (HTTPException, ValueError):  # such as //[, which is no address
                security_events.topic_refused(address)
                refused.append(address)
        return self.stream(topics, refused) if topics else _refuse(404)

    def _single(self, **values: Any) -> Response:
        """Answer with the stream of one topic; with `?once`, with its snapshot, for pages that no stream reaches."""
        topic = self._make(self._own_name(request.endpoint), request.args, values)
        if "once" in request.args:
            return Response(self._hub.snapshot(topic, _browser().viewer))
        return self.stream({request.full_path: topic})

    def _topic(self, address: str) -> Topic:
        """Return the topic of an address, as its own view would."""
        parts = urlsplit(address)
        endpoint, values = current_app.create_url_adapter(request).match(unquote(parts.path), method="GET")  # type: ignore[union-attr]  # None only outside of requests
        return self._make(self._own_name(endpoint), MultiDict(parse_qsl(parts.query)), values)

    def _make(self, name: str, args: Args, values: Mapping[str, Any]) -> Topic:
        """Return a topic in its language if the browser may watch it. A wall, not signed in, may watch one alone."""
        if name not in (WALL, ELECTRICIAN) and not current_user.is_authenticated:
            _refuse(401)
        if name not in self._topics:
            _refuse(404)
        args = MultiDict(args)
        language = args.pop(languages.PARAMETER, ENGLISH)
        topic = self._topics[name](args, **values)
        topic.language = language if language in NAMES else ENGLISH
        return topic

    def _own_name(self, endpoint: str | None) -> str:
        """Return the name of an endpoint within the blueprint; of any other's, one that no topic has."""
        return (endpoint or "").removeprefix(f"{self.name}.")

    def _home(self, args: Args) -> Topic:
        _require_driver()
        return HomeTopic(current_user.id, HomeFilter.of(args).by)

    def _home_chargers(self, args: Args, site_id: int) -> Topic:
        _require_driver()
        if not sites.exists(site_id):
            _refuse(404)
        after = session_queries.parse_number(args.get("after", ""))
        return SiteChargersTopic(site_id, after, HomeFilter.of(args).by)

    def _sessions(self, args: Args) -> Topic:
        if current_user.role is Role.OPERATOR:
            return OperatorSessionsTopic(Wanted.of(args))
        return SessionsTopic(current_user.id, Wanted.of_owner(current_user.id, args))

    def _session(self, _: Args, number: int) -> Topic:
        return SessionTopic(number, _visible(number))

    def _session_why(self, _: Args, number: int) -> Topic:
        return WhyTopic(number, _visible(number))

    def _start(self, _: Args, identity: str, connector: int) -> Topic:
        charger_id = start_queries.charger_id(identity, connector)
        return _refuse(404) if charger_id is None else StartTopic(current_user.id, charger_id, identity, connector)

    def _session_receipt(self, _: Args, number: int) -> Topic:
        return ReceiptTopic(number, _visible(number))

    def _charger(self, args: Args, identity: str) -> Topic:
        charger_id = _charger_id(identity)
        before = session_queries.parse_number(args.get("before", ""))
        return ChargerTopic(charger_id, services().tails, before)

    def _commands(self, args: Args, identity: str) -> Topic:
        charger_id = _charger_id(identity)
        return CommandsTopic(charger_id, identity, session_queries.parse_number(args.get("before", "")))

    def _command(self, _: Args, identity: str, command_id: int) -> Topic:
        charger_id = _charger_id(identity)
        if command_queries.command(identity, command_id, datetime.now(UTC)) is None:
            _refuse(404)
        return CommandTopic(charger_id, identity, command_id)

    def _comparison(self, args: Args, identity: str) -> Topic:
        _charger_id(identity)
        return ComparisonTopic(ComparisonWanted.of(identity, args))

    def _commissioning(self, _: Args, identity: str) -> Topic:
        return CommissioningTopic(_charger_id(identity))

    def _electrician(self, _: Args) -> Topic:
        link = electrician.open_by_cookie()
        return _refuse(401) if link is None else ElectricianTopic(link.charger_id, link.token_hash)

    def _messages(self, args: Args, identity: str) -> Topic:
        require_operator(_refuse)
        charger = message_queries.charger(identity)
        if charger is None:
            _refuse(404)
        return MessagesTopic(charger, services().tails, MessageFilter.of(args))

    def _behaviour(self, _: Args, identity: str) -> Topic:
        return BehaviourTopic(_charger_id(identity))

    def _account(self, _: Args) -> Topic:
        return AccountTopic(current_user.id)

    def _fleet(self, args: Args) -> Topic:
        require_operator(_refuse)
        return FleetTopic(sites.known(Query.of(args)), self._refresher)

    def _audit(self, args: Args) -> Topic:
        require_operator(_refuse)
        return AuditTopic(AuditWanted.of(args))

    def _attention(self, _: Args) -> Topic:
        require_operator(_refuse)
        return AttentionTopic(services().attention)

    def _attention_count(self, _: Args) -> Topic:
        require_operator(_refuse)
        return AttentionCountTopic(services().attention)

    def _bulks(self, _: Args) -> Topic:
        require_operator(_refuse)
        return BulksTopic()

    def _bulk(self, args: Args, number: int) -> Topic:
        require_operator(_refuse)
        shown = Shown.of(args)
        if bulks.page(number, datetime.now(UTC)) is None or shown.wrong:
            _refuse(404)
        return BulkTopic(number, shown.fate, shown.after)

    def _walls(self, _: Args) -> Topic:
        require_operator(_refuse)
        return WallsTopic()

    def _wall(self, args: Args) -> Topic:
        if current_user.is_authenticated:
            require_operator(_refuse)
        elif access.open_wall() is None:  # an electrician's browser
            _refuse(401)
        return WallTopic(sites.known(Query.of(args)).on_wall, self._refresher)

    def _sites(self, args: Args) -> Topic:
        require_operator(_refuse)
        return SitesTopic(filters.text(args.get("after", "")))

    def _site(self, args: Args, site_id: int) -> Topic:
        require_operator(_refuse)
        if not sites.exists(site_id):
            _refuse(404)
        return SiteTopic(site_id, filters.number(args.get("after", "")))

    def _tariffs(self, args: Args) -> Topic:
        require_operator(_refuse)
        return TariffsTopic(TariffsWanted.of(args))

    def _people(self, args: Args) -> Topic:
        require_operator(_refuse)
        return PeopleTopic(PeopleWanted.of(args), lifetimes(services().config))

    def _person(self, _: Args, account_id: int) -> Topic:
        require_operator(_refuse)
        if not people_queries.exists(account_id):
            _refuse(404)
        return PersonTopic(account_id, lifetimes(services().config))

    def _cards(self, args: Args) -> Topic:
        if current_user.role is not Role.OPERATOR:
            return OwnCardsTopic(current_user.id)
        return CardsTopic(CardsWanted.of(args))


def init_app(app: Flask, config: Config, ingest: Ingest) -> None:
    """Register the streams under /live. The hub's threads start with the first stream."""
    gunicorn_takeover.is_possible()
    hub = Hub(config, ingest, app.test_request_context)
    refresher = FleetRefresher(timedelta(seconds=config.stale_after_s), config.reread_s, hub.listener)
    app.register_blueprint(StreamsBlueprint(hub, refresher))


def _require_sign_in() -> None:
    count_as_automatic()
    if not current_user.is_authenticated and _guest() is None:
        _refuse(401)


def _require_driver() -> None:
    """Refuse operators, whose first page is the fleet."""
    if current_user.role is not Role.DRIVER:
        _refuse(404)


def _charger_id(identity: str) -> int:
    """Return the id of a charger, for operators alone."""
    require_operator(_refuse)
    charger_id = charger_queries.charger_id(identity)
    return _refuse(404) if charger_id is None else charger_id


def _browser() -> Browser:
    """Return the browser that asks: a signed-in device, or else a wall, or else an electrician's."""
    if current_user.is_authenticated:
        return Browser(client_address(), current_user.sign_in_id, current_user.id, current_user.viewer)
    return _guest() or _refuse(401)


def _guest() -> Browser | None:
    """Return the browser of a wall, or of an electrician, who is not signed in. It is looked up once for a request."""
    if "guest" not in g:
        wall = access.open_wall()
        link = electrician.open_by_cookie() if wall is None else None
        g.guest = access.browser(wall) if wall else electrician.browser(link) if link else None
    guest: Browser | None = g.guest
    return guest


def _visible(number: int) -> int:
    """Return the id of the charger of a session that the user may see."""
    charger_id = session_queries.visible(number, current_user.id, current_user.role)
    return _refuse(404) if charger_id is None else charger_id


def _refuse(status: int) -> NoReturn:
    abort(Response(status=status))
