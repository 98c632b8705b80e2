"""How often a sign-in may be tried, with Redis and without."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from polaris.web.security import client_address
from tests.support import forms
from tests.support.cast import Cast
from tests.support.valkey import Valkey


def test_guesses_limited_per_account_and_address(client: FlaskClient, cast: Cast) -> None:
    for attempt in range(10):
        wrong = forms.try_sign_in(client, cast.ada.email.upper() if attempt % 2 else cast.ada.email, "a wrong guess")
        assert wrong.status_code == 422

    limited = forms.try_sign_in(client, cast.ada.email, cast.ada.password)

    assert limited.status_code == 429
    assert 0 < int(limited.headers["Retry-After"]) <= 600
    assert "Too many attempts" in limited.text
    assert "Please wait 10 min" in limited.text
    forms.sign_in(client, cast.ben)


def test_correct_sign_in_not_limited(app: Flask, cast: Cast) -> None:
    for _ in range(12):
        forms.sign_in(app.test_client(), cast.ada)


def test_guesses_limited_per_client(client: FlaskClient, cast: Cast) -> None:
    """Any password but an empty one, which is not checked."""
    token = forms.token(client, "/sign-in")
    answers = [
        client.post("/sign-in", data={"csrf_token": token, "email": f"{n}@example.com", "password": "x"}).status_code
        for n in range(61)
    ]

    assert answers == [422] * 60 + [429]


def test_limits_shared_between_processes(make_app: Callable[..., Flask], cast: Cast) -> None:
    for _ in range(10):
        forms.try_sign_in(make_app().test_client(), cast.ada.email, "a wrong guess")

    assert forms.try_sign_in(make_app().test_client(), cast.ada.email, "a wrong guess").status_code == 429


def test_household_is_one_client(app: Flask) -> None:
    def counted(address: str) -> str:
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            return client_address()

    assert counted("192.0.2.7") == "192.0.2.7"
    assert counted("2001:db8::1") == counted("2001:db8::ffff:1") != counted("2001:db8:0:1::1")
    assert counted("fe80::1%eth0") == counted("fe80::2")
    assert counted("192.0.2.7:5001") == counted("192.0.2.7:5002") == "192.0.2.7"
    assert counted("[2001:db8::1]:5001") == counted("2001:db8::1")
    assert counted("::ffff:1.2.3.4") == "1.2.3.4", "an IPv4 client of a server at ::"
    assert counted("::ffff:1.2.3.4") != counted("::ffff:1.2.3.5")


def test_client_address_behind_proxy(make_app: Callable[..., Flask]) -> None:
    headers = {"X-Forwarded-For": "198.51.100.1, 192.0.2.9"}
    for hops, expected in (("0", "127.0.0.1"), ("1", "192.0.2.9")):
        app = make_app(PROXY_HOPS=hops)
        seen = []
        app.before_request(lambda seen=seen: seen.append(client_address()))
        app.test_client().get("/healthz", headers=headers)
        assert seen == [expected]


def test_limited_while_redis_is_down(client: FlaskClient, cast: Cast, valkey: Valkey) -> None:
    valkey.stop()
    took = []

    for _ in range(10):
        began = time.monotonic()
        assert forms.try_sign_in(client, cast.ben.email, "a wrong guess").status_code == 422
        took.append(time.monotonic() - began)
    assert forms.try_sign_in(client, cast.ben.email, "a wrong guess").status_code == 429
    forms.sign_in(client, cast.ada)

    assert statistics.median(took) < 1  # of a machine that stands still now and then; none waits for Redis
