"""Many people at once: nobody waits for another's database call or password hash."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from polaris.config import Config
from tests.support import cast as cast_
from tests.support.cast import Person
from tests.support.forms import TOKEN
from tests.support.processes import Process, Processes, answers

pytestmark = pytest.mark.both_databases

CROWD = 30


def sign_in(web: Process, person: Person) -> str:
    """Sign in as a browser would; return the page that comes of it."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(cookies)
    found = TOKEN.search(browser.open(f"{web.url}/sign-in", timeout=60).read().decode())
    assert found
    form = {"csrf_token": found[1], "email": person.email, "password": person.password}
    answer = browser.open(f"{web.url}/sign-in", urllib.parse.urlencode(form).encode(), timeout=60)
    return str(answer.read().decode())


def test_crowd_signs_in_at_once(config: Config, database: None, processes: Processes) -> None:
    cast = cast_.everybody(config)
    people = [cast.ada, cast.ben] * (CROWD // 2)  # an account has a bounded number of devices
    web = processes.web()
    with ThreadPoolExecutor(CROWD + 1) as pool:
        crowd = [pool.submit(sign_in, web, person) for person in people]
        while not all(done.done() for done in crowd):
            assert answers(f"{web.url}/healthz")
        pages = [done.result() for done in crowd]
    assert all(re.search("<h1>Home</h1>", page) for page in pages)
    assert web.stop() == 0
