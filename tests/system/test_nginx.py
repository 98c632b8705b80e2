"""Behind nginx with TLS and HTTP/2, configured as docs/nginx.conf says: nothing is held back, and every tab is live."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from polaris.administration import charger_security
from polaris.pubsub import Publisher
from tests.support import cast as cast_
from tests.support.certificates import Authority
from tests.support.nginx import Nginx
from tests.support.processes import Processes
from tests.system.world import ChargerInTown, SessionView, World

TABS = 7  # a browser opens six connections to a site over HTTP/1.1
BEHIND = {"HTTPS": "1", "PROXY_HOPS": "1", "OCPP_PROXY_HOPS": "1"}
HEARD_WITHIN_S = 30


@pytest.fixture
def world(own_world: World) -> World:
    """A Polaris that knows its proxy."""
    return own_world


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


@pytest.fixture
def nginx(settings: dict[str, str], processes: Processes, authority: Authority, tmp_path: Path) -> Nginx:
    """Before a Polaris that knows it is behind one; ask for it before `world`."""
    settings |= BEHIND
    certificate = authority.sign("polaris", "serverAuth")
    ports = {"web_port": settings["PORT"], "bridge_port": settings["OCPP_PORT"]}
    server = Nginx(processes, tmp_path / "nginx", certificate, **ports)
    settings["SITE_URL"] = server.url
    return server


def test_seven_tabs_all_live(nginx: Nginx, world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    first = world.sign_in(world.cast.ada, base_url=nginx.url, ignore_https_errors=True)
    tabs = [tab(page, number) for page in (first, *(first.context.new_page() for _ in range(TABS - 1)))]
    for shown in tabs:
        shown.is_live()
        assert shown.page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    for energy_wh in (900, 1300):
        world.charger.deliver(energy_wh)
        for shown in tabs:
            shown.shows(f"{energy_wh / 1000:.2f}", noun="live")
            assert shown.has_stayed()
            expect(shown.page.locator("#stream")).to_have_attribute("data-status", "live")
    tabs[-1].stop()
    for shown in tabs:
        shown.is_completed()


def tab(page: Page, number: int) -> SessionView:
    page.goto(f"/sessions/{number}")
    return SessionView(page, number)


def test_stream_not_buffered(nginx: Nginx, world: World, authority: Authority) -> None:
    """A heartbeat is some thirty bytes: held back until a buffer is full, the first would come after minutes."""
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.sign_in(world.cast.ada, base_url=nginx.url, ignore_https_errors=True)
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    connection = HTTPSConnection(urlsplit(nginx.url).netloc, context=trust, timeout=HEARD_WITHIN_S)
    connection.request("GET", f"/live/sessions/{number}", headers={"Cookie": cookies, "Accept-Encoding": "gzip"})
    with closing(connection), closing(connection.getresponse()) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Content-Encoding"] is None
        lines = iter(answer.readline, b"")
        assert all(heard(lines, b"event:heartbeat") for _ in range(3))
        world.charger.deliver(900)
        assert heard(lines, b"0.90")


def heard(lines: Iterator[bytes], text: bytes) -> bool:
    """Whether the text comes, with no silence longer than the connection's timeout before it."""
    return any(text in line for line in lines)


def test_charger_over_tls(nginx: Nginx, world: World, authority: Authority) -> None:
    own = cast_.add_charger(world.config, "depot-8", name="Depot 8")
    with closing(Publisher(world.config.redis_url)) as publisher:
        charger_security.set_security_profile(publisher, "depot-8", 2, actor=cast_.ACTOR, now=cast_.now())
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    charger = ChargerInTown(f"{nginx.url.replace('https', 'wss')}/ocpp", own.identity, own.key, tls=trust)
    charger.connect()
    number = charger.start(world.cast.ben.id_tag)
    page = tab(world.sign_in(world.cast.ben, base_url=nginx.url, ignore_https_errors=True), number)
    page.is_live()
    charger.deliver(700)
    page.shows("0.70", noun="live")
    charger.close()


def test_plain_http_redirected(nginx: Nginx) -> None:
    with closing(HTTPConnection(urlsplit(nginx.plain_url).netloc, timeout=HEARD_WITHIN_S)) as connection:
        connection.request("GET", "/sessions?before=7")
        answer = connection.getresponse()
        assert answer.status == 301
        assert answer.headers["Location"] == "https://127.0.0.1/sessions?before=7"


def test_foreign_host_refused(nginx: Nginx, authority: Authority) -> None:
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    for path in ("/sign-in", "/live/sessions/1"):
        with closing(HTTPSConnection(urlsplit(nginx.url).netloc, context=trust, timeout=HEARD_WITHIN_S)) as connection:
            connection.request("GET", path, headers={"Host": "evil.example"})
            assert connection.getresponse().status == 421
    with closing(HTTPConnection(urlsplit(nginx.plain_url).netloc, timeout=HEARD_WITHIN_S)) as connection:
        connection.request("GET", "/", headers={"Host": "evil.example"})
        assert connection.getresponse().headers["Location"] == "https://127.0.0.1/"
