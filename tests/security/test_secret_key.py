"""Rotating `SECRET_KEY`: what an older version has signed is valid for as long as it is listed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.config import Config, ConfigError
from tests.support import forms
from tests.support.cast import Cast

OLD, NEW = "1:" + "an-older-secret-for-tests-0123456789", "2:" + "a-newer-secret-for-tests-01234567890"


def with_cookies_of(client: FlaskClient, app: Flask) -> FlaskClient:
    """A browser of another app with the cookies of this one."""
    other = app.test_client()
    for name in ("polaris", "polaris-device"):
        cookie = client.get_cookie(name)
        assert cookie is not None
        other.set_cookie(name, cookie.value)
    return other


def test_cookies_of_listed_version_stay_valid(make_app: Callable[..., Flask], cast: Cast) -> None:
    client = make_app(SECRET_KEY=OLD).test_client()
    forms.sign_in(client, cast.ada)
    token = forms.token(client, "/account")

    rotated = with_cookies_of(client, make_app(SECRET_KEY=f"{NEW},{OLD}"))

    assert rotated.get("/account").status_code == 200
    answer = rotated.post("/sign-out", data={"csrf_token": token})
    assert answer.location == "/sign-in", "a page that was open before the rotation still works"


def test_cookies_of_dropped_version_are_refused(make_app: Callable[..., Flask], cast: Cast) -> None:
    client = make_app(SECRET_KEY=OLD).test_client()
    forms.sign_in(client, cast.ada)

    assert with_cookies_of(client, make_app(SECRET_KEY=NEW)).get("/account").status_code == 302


def test_highest_version_signs(make_app: Callable[..., Flask], cast: Cast) -> None:
    client = make_app(SECRET_KEY=f"{OLD},{NEW}").test_client()
    forms.sign_in(client, cast.ada)

    assert with_cookies_of(client, make_app(SECRET_KEY=NEW)).get("/account").status_code == 200


def test_single_secret_becomes_a_version(make_app: Callable[..., Flask], cast: Cast) -> None:
    client = make_app(SECRET_KEY=OLD.removeprefix("1:")).test_client()
    forms.sign_in(client, cast.ada)

    assert with_cookies_of(client, make_app(SECRET_KEY=f"{OLD},{NEW}")).get("/account").status_code == 200


@pytest.mark.parametrize("value", ["short", "1:short", f"{NEW},1:short", f"{NEW},{OLD[2:]}"])
def test_short_secret_refused(settings: dict[str, str], value: str) -> None:
    with pytest.raises(ConfigError, match=r"SECRET_KEY must .*32 characters or more"):
        Config.from_env(settings | {"SECRET_KEY": value})
