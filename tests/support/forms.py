"""Owns how a test uses a page's forms: with the token that the page has, as a browser would."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.cast import Person

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
FORM_KEY = re.compile(r'name="form_key"[^>]*value="[^"]+"')
NOW = re.compile(r'\s*data-now="\d+"')


def token(client: FlaskClient, path: str) -> str:
    """The form token of a page."""
    found = TOKEN.search(client.get(path).text)
    assert found, f"{path} has no form"
    return found[1]


def without_token(page: str) -> str:
    """A page as it is for everybody at any time."""
    return NOW.sub("", FORM_KEY.sub("", TOKEN.sub("", page)))


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


class _Fields(HTMLParser):
    """Collects the fields of the form in a page's main part, with the values that a browser would send."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._name = ""
        self.feed(html[html.index("<main") :])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        name, value = attributes.get("name") or "", attributes.get("value") or ""
        if tag == "input" and name and (attributes.get("type") != "checkbox" or "checked" in attributes):
            self.values[name] = value
        elif tag in ("select", "textarea"):
            self._name = name
            if tag == "textarea":
                self.values[name] = ""
        elif tag == "option" and self._name and ("selected" in attributes or self._name not in self.values):
            self.values[self._name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self._name = ""

    def handle_data(self, data: str) -> None:
        if self._name and self.get_starttag_text() is not None and self.lasttag == "textarea":
            self.values[self._name] += data.removeprefix("\n")


def fields(page: str) -> dict[str, str]:
    """Return what a browser would send of a page's form if nothing were typed."""
    return _Fields(page).values


def fill_in(client: FlaskClient, path: str, **typed: str) -> TestResponse:
    """Open a page and send its form with what is typed."""
    page = client.get(path)
    assert page.status_code == 200, page.text
    return client.post(path.partition("?")[0], data=fields(page.text) | typed, buffered=True)
