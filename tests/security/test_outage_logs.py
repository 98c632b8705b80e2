"""An outage is logged when it begins and when it ends, whatever is asked for meanwhile, and with no traceback."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from polaris.config import Config
from tests.support import cast as cast_
from tests.support.cast import Cast
from tests.support.forms import TOKEN
from tests.support.outages import database_locked
from tests.support.processes import Processes
from tests.support.wait import eventually

REQUESTS = 6


@pytest.fixture
def cast(database: None, config: Config) -> Cast:
    return cast_.everybody(config)


def test_locked_database_logged_once(processes: Processes, cast: Cast) -> None:
    web = processes.web()
    forms = [form_of(web.url, cast) for _ in range(REQUESTS)]
    with database_locked(), ThreadPoolExecutor(REQUESTS) as threads:
        assert list(threads.map(lambda form: status(*form), forms)) == [503] * REQUESTS
    eventually(lambda: "The database answers again" in web.log_text())
    log = web.log_text()
    assert log.count("database is locked") == 1, log
    assert "Traceback" not in log
    assert status(*form_of(web.url, cast)) == 200


def form_of(url: str, cast: Cast) -> tuple[OpenerDirector, str, bytes]:
    """A browser with a sign-in that it has filled in."""
    browser = build_opener(HTTPCookieProcessor())
    found = TOKEN.search(browser.open(f"{url}/sign-in").read().decode())
    assert found
    form = {"csrf_token": found[1], "email": cast.ada.email, "password": cast.ada.password}
    return browser, f"{url}/sign-in", urlencode(form).encode()


def status(browser: OpenerDirector, url: str, form: bytes) -> int:
    try:
        with browser.open(url, form, timeout=60) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
