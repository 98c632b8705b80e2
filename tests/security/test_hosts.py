"""The Host header and other malformed requests: one line each, no traceback, and no redirect to a forged host."""

from __future__ import annotations

import pytest

from polaris.config import Config, ConfigError
from tests.support.processes import Process, Processes
from tests.support.raw_http import Answer, exchange, request

SITE = {"HTTPS": "1", "SITE_URL": "https://charging.example"}
MALFORMED_HOSTS = ["a..b", "..", ".", f"{'x' * 64}.example", "", "a:99999", "[::1", "[zz]", "[:::::]", "\xff", "a b"]


def ask(web: Process, host: str, path: str = "/sign-in", *headers: str) -> Answer:
    return exchange(web.url, request(f"GET {path} HTTP/1.1", f"Host: {host}", *headers))


def test_malformed_hosts_refused_in_one_line(processes: Processes) -> None:
    web = processes.web()
    asked = [ask(web, host) for host in MALFORMED_HOSTS] + [exchange(web.url, request("GET /sign-in HTTP/1.1"))]
    assert [(answer.status, answer.body.count(b"\n")) for answer in asked] == [(400, 1)] * len(asked)
    for host in ("localhost", "127.0.0.1:8000", "[::1]:8000", "xn--bcher-kva.example"):
        assert ask(web, host).status == 200
    assert exchange(web.url, request("GET /sign-in HTTP/1.0")).status == 200
    assert "Traceback" not in web.log_text()
    assert len(web.log_text().splitlines()) < len(MALFORMED_HOSTS)


def test_malformed_headers_leave_no_traceback(processes: Processes) -> None:
    web = processes.web()
    answer = ask(web, "localhost", "/sessions", "HX-Request: true", "HX-Current-URL: http://[zz")
    assert answer.status == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/"
    assert "Traceback" not in web.log_text()


def test_https_redirects_to_site_only(processes: Processes) -> None:
    web = processes.web(**SITE)
    redirected = ask(web, "charging.example:8000", "/sessions?before=7")
    assert (redirected.status, redirected.headers["Location"]) == (302, "https://charging.example/sessions?before=7")
    for host in ("evil.example", "charging.example.evil.example", "127.0.0.1", "evil.example:443"):
        answer = ask(web, host)
        assert (answer.status, answer.body.count(b"\n")) == (400, 1)
        assert "Location" not in answer.headers
    assert ask(web, "10.0.0.7:8000", "/healthz").status == 200
    assert ask(web, "10.0.0.7:8000", "/readyz").status == 200
    assert ask(web, "charging.example", "/sign-in", "X-Forwarded-Proto: https").status == 200


def test_https_without_site_never_repeats_a_host(processes: Processes) -> None:
    web = processes.web(HTTPS="1")
    answer = ask(web, "evil.example")
    assert (answer.status, answer.body) == (400, b"This site is served by HTTPS only.\n")
    assert ask(web, "localhost").headers["Location"] == "https://localhost/sign-in"


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://Charging.Example:443/", "https://charging.example"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        (" ", ""),
    ],
)
def test_site_url_has_one_form(settings: dict[str, str], url: str, site: str) -> None:
    assert Config.from_env(settings | {"SITE_URL": url}).site_url == site


@pytest.mark.parametrize(
    "url",
    ["charging.example", "https://", "https://a..b", "ftp://a", "https://a/polaris", "https://a@b", "https://a:x"],
)
def test_unusable_site_url_named(settings: dict[str, str], url: str) -> None:
    with pytest.raises(ConfigError, match=r"^SITE_URL must be like"):
        Config.from_env(settings | {"SITE_URL": url})


def test_site_by_http_contradicts_https(settings: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"^SITE_URL must begin with https://"):
        Config.from_env(settings | SITE | {"SITE_URL": "http://charging.example"})
