"""Guessing passwords: one after the other, all at once, from anywhere, with Redis and without."""

from __future__ import annotations

import http.client
import logging
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from urllib.parse import urlencode, urlsplit

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from polaris.web.security_events import attempts
from polaris.web.sign_in_limits import KNOWN_AND_DAY, KNOWN_DEVICES, PER_ACCOUNT, PER_PAIR, TURNS, guess
from tests.support import forms
from tests.support.cast import Cast
from tests.support.processes import Processes
from tests.support.valkey import Valkey
from tests.support.wait import WITHIN_S

WRONG = "a wrong password"
THREADS = 100
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def guess_all_at_once(url: str, email: str, addresses: list[str]) -> Counter[int]:
    """Guess once for each address, with all threads at once; return how often each status was answered."""
    with ThreadPoolExecutor(THREADS) as threads:
        return Counter(threads.map(lambda address: _guess(url, email, address), addresses))


def _guess(url: str, email: str, address: str) -> int:
    headers = {"X-Forwarded-For": address}
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)) as connection:
        connection.request("GET", "/sign-in", headers=headers)
        page = connection.getresponse()
        token = forms.TOKEN.search(page.read().decode())
        cookie = re.match(r"polaris=[^;]+", page.headers["Set-Cookie"])
        assert token is not None
        assert cookie is not None
        body = urlencode({"csrf_token": token[1], "email": email, "password": WRONG})
        connection.request("POST", "/sign-in", body, headers | FORM | {"Cookie": cookie[0]})
        with connection.getresponse() as answer:
            return answer.status


def test_parallel_guesses_held_to_the_limit(processes: Processes, cast: Cast) -> None:
    web = processes.web(PROXY_HOPS="1")

    answers = guess_all_at_once(web.url, cast.ada.email, ["192.0.2.1"] * 3 * THREADS)

    assert answers[422] == PER_PAIR.attempts
    assert answers[429] == 3 * THREADS - PER_PAIR.attempts
    assert "limits.redis_lost" not in web.log_text()


def test_parallel_guesses_without_redis(processes: Processes, cast: Cast, valkey: Valkey) -> None:
    web = processes.web(PROXY_HOPS="1")
    assert guess_all_at_once(web.url, cast.ada.email, ["192.0.2.1"] * 5) == {422: 5}
    valkey.kill()

    answers = guess_all_at_once(web.url, cast.ada.email, ["192.0.2.1"] * THREADS)

    assert answers[422] == PER_PAIR.attempts - 5, "the outage gives no new guesses"
    assert web.log_text().count("limits.redis_lost") == 1


def test_guesses_from_many_addresses_take_turns(processes: Processes, cast: Cast) -> None:
    web = processes.web(PROXY_HOPS="1")
    addresses = [f"192.0.2.{n}" for n in range(THREADS)]

    answers = guess_all_at_once(web.url, cast.ada.email, addresses)

    assert answers[422] + answers[429] == len(addresses)
    assert answers[422] >= PER_ACCOUNT.attempts + TURNS.attempts
    assert answers[429] > 0


def test_two_processes_count_as_one(processes: Processes, settings: dict[str, str], cast: Cast) -> None:
    first, second = processes.web(PROXY_HOPS="1"), processes.web(PROXY_HOPS="1", PORT=settings["OCPP_PORT"])

    with ThreadPoolExecutor(2) as both:
        answers = both.map(
            lambda web: guess_all_at_once(web.url, cast.ada.email, ["192.0.2.1"] * THREADS), (first, second)
        )

    assert sum(counts[422] for counts in answers) == PER_PAIR.attempts


def test_owner_gets_in_while_others_guess(browser_at: Callable[[str], FlaskClient], cast: Cast) -> None:
    for n in range(PER_ACCOUNT.attempts + TURNS.attempts):
        answer = forms.try_sign_in(browser_at(f"192.0.2.{n}"), cast.ada.email, WRONG)
        assert answer.status_code == 422

    forms.sign_in(browser_at("198.51.100.1"), cast.ada)


def test_owner_waits_where_windows_do_not_end_together(
    browser_at: Callable[[str], FlaskClient], cast: Cast, redis_url: str
) -> None:
    for n in range(PER_ACCOUNT.attempts + TURNS.attempts):
        forms.try_sign_in(browser_at(f"192.0.2.{n}"), cast.ada.email, WRONG)
    with redis.Redis.from_url(redis_url) as client:
        (turns,) = client.keys("attempts:turns:*")
        client.decr(turns)
        client.pexpire(turns, client.pttl(turns) + 500)

    forms.sign_in(browser_at("198.51.100.1"), cast.ada)


def test_known_device_has_its_own_allowance(browser_at: Callable[[str], FlaskClient], cast: Cast) -> None:
    """Even if the guesses come from its own address, as from a neighbour in the same network."""
    own = browser_at("192.0.2.1")
    forms.sign_in(own, cast.ada)
    forms.post(own, "/sign-out", page="/account")
    neighbour = browser_at("192.0.2.1")
    for _ in range(PER_PAIR.attempts):
        forms.try_sign_in(neighbour, cast.ada.email, WRONG)
    assert forms.try_sign_in(neighbour, cast.ada.email, cast.ada.password).status_code == 429

    forms.sign_in(own, cast.ada)


def test_known_device_waits_for_no_neighbour(app: Flask, browser_at: Callable[[str], FlaskClient], cast: Cast) -> None:
    own = browser_at("192.0.2.1")
    forms.sign_in(own, cast.ada)
    forms.post(own, "/sign-out", page="/account")
    address = {"REMOTE_ADDR": "192.0.2.1"}
    with ThreadPoolExecutor(1) as thread, app.test_request_context(environ_base=address), ExitStack() as checked:
        for _ in range(PER_PAIR.attempts):
            checked.enter_context(guess(cast.ada.email))
        thread.submit(forms.sign_in, own, cast.ada).result(WITHIN_S)


def test_known_device_is_limited_too(browser_at: Callable[[str], FlaskClient], cast: Cast) -> None:
    own = browser_at("192.0.2.1")
    forms.sign_in(own, cast.ada)
    forms.post(own, "/sign-out", page="/account")
    for n in range(PER_PAIR.attempts):
        own.environ_base["REMOTE_ADDR"] = f"192.0.2.{n}"
        assert forms.try_sign_in(own, cast.ada.email, WRONG).status_code == 422

    assert forms.try_sign_in(own, cast.ada.email, cast.ada.password).status_code == 429


@pytest.mark.parametrize("forge", [lambda cookie: cookie[:-1] + "x", lambda _: "", lambda _: "a.b.c", lambda _: "é"])
def test_device_cookie_counts_only_as_signed(
    browser_at: Callable[[str], FlaskClient], cast: Cast, forge: Callable[[str], str]
) -> None:
    device = browser_at("192.0.2.1")
    forms.sign_in(device, cast.ada)
    cookie = device.get_cookie("polaris-device")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site) == (True, "Strict")
    stranger = browser_at("192.0.2.2")
    for _ in range(PER_PAIR.attempts):
        forms.try_sign_in(stranger, cast.ada.email, WRONG)

    stranger.set_cookie("polaris-device", forge(cookie.value))

    assert forms.try_sign_in(stranger, cast.ada.email, cast.ada.password).status_code == 429


def test_device_of_one_account_is_a_stranger_to_another(browser_at: Callable[[str], FlaskClient], cast: Cast) -> None:
    bens = browser_at("192.0.2.1")
    forms.sign_in(bens, cast.ben)
    forms.post(bens, "/sign-out", page="/account")
    for _ in range(PER_PAIR.attempts):
        assert forms.try_sign_in(bens, cast.ada.email, WRONG).status_code == 422

    assert forms.try_sign_in(bens, cast.ada.email, WRONG).status_code == 429


def test_unknown_account_limited_alike(browser_at: Callable[[str], FlaskClient], cast: Cast) -> None:
    """Whether an account exists does not show in when and how guesses at it are limited."""

    def answers(email: str, address: str) -> list[tuple[int, str, str | None]]:
        client = browser_at(address)
        pages = [forms.try_sign_in(client, email, WRONG) for _ in range(PER_PAIR.attempts + 1)]
        return [
            (page.status_code, forms.without_token(page.text).replace(email, ""), page.headers.get("Retry-After"))
            for page in pages
        ]

    known, unknown = answers(cast.ada.email, "192.0.2.1"), answers("eve@example.com", "192.0.2.2")

    assert [status for status, _, _ in known] == [422] * PER_PAIR.attempts + [429]
    assert [answer[:2] for answer in known] == [answer[:2] for answer in unknown]


def test_outage_of_redis_said_once(
    client: FlaskClient, cast: Cast, valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    valkey.stop()

    for _ in range(3):
        forms.try_sign_in(client, cast.ada.email, WRONG)

    said = [record for record in caplog.records if record.name == "polaris.web.attempts"]
    assert [(record.levelno, "each process counts its own" in record.message) for record in said] == [
        (logging.WARNING, True)
    ]


def test_new_password_makes_known_devices_strangers(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    forms.post(client, "/sign-out", page="/account")
    changed = ["account", "password", cast.ada.email, "--password-stdin"]
    assert app.test_cli_runner().invoke(args=changed, input="seven purple tram rails\n").exit_code == 0
    with app.app_context():
        attempts().add(PER_PAIR, cast.ada.email, "127.0.0.1", amount=PER_PAIR.attempts)

    assert forms.try_sign_in(client, cast.ada.email, WRONG).status_code == 429


def test_known_devices_limited_together(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    forms.post(client, "/sign-out", page="/account")
    with app.app_context():
        attempts().add(KNOWN_DEVICES, cast.ada.email, amount=KNOWN_DEVICES.attempts)

    assert forms.try_sign_in(client, cast.ada.email, WRONG).status_code == 429


@pytest.mark.parametrize("written", ["for years", "a list", "no number", "too high"])
def test_redis_writer_shuts_nobody_out_for_years(
    app: Flask, client: FlaskClient, cast: Cast, redis_url: str, caplog: pytest.LogCaptureFixture, written: str
) -> None:
    """Somebody who may write to Redis: a window at a time is all that is left to them."""
    forms.try_sign_in(client, cast.ada.email, WRONG)
    with redis.Redis.from_url(redis_url) as writer:
        keys = list(writer.scan_iter("attempts:*"))
        assert keys
        for key in keys:
            writer.delete(key)
            if written == "a list":
                writer.rpush(key, "x")
            else:
                value = {"for years": 10**6, "no number": "x", "too high": 2**63 - 1}[written]
                writer.set(key, value, px=10**12)
        answer = forms.try_sign_in(client, cast.ada.email, WRONG)

        assert answer.status_code == (429 if written == "for years" else 422)
        assert int(answer.headers.get("Retry-After", 0)) <= KNOWN_AND_DAY.window_s
        lasting = {key: writer.pttl(key) for key in keys}
    assert any(ttl_ms <= PER_ACCOUNT.window_s * 1000 for ttl_ms in lasting.values())
    assert "Redis does not count" not in caplog.text
