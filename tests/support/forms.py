"""Owns how a test uses a page's forms: with the token that the page has, as a browser would."""

from __future__ import annotations

import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.cast import Person

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
NOW = re.compile(r'\s*data-now="\d+"')


def token(client: FlaskClient, path: str) -> str:
    """The form token of a page."""
    found = TOKEN.search(client.get(path).text)
    assert found, f"{path} has no form"
    return found[1]


def without_token(page: str) -> str:
    """A page as it is for everybody at any time."""
    return NOW.sub("", TOKEN.sub("", page))


def post(
    client: FlaskClient, path: str, *, page: str, headers: dict[str, str] | None = None, **fields: str
) -> TestResponse:
    """Send a form of `page` to `path`."""
    return client.post(path, data={"csrf_token": token(client, page), **fields}, headers=headers, buffered=True)


def try_sign_in(client: FlaskClient, email: str, password: str, **fields: str) -> TestResponse:
    return post(client, "/sign-in", page="/sign-in", email=email, password=password, **fields)


def sign_in(client: FlaskClient, person: Person) -> None:
    """Sign a person in through the real form."""
    answer = try_sign_in(client, person.email, person.password)
    assert answer.status_code == 302, answer.text
