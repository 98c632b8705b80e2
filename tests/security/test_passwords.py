"""Which new passwords are refused (ASVS 2.1), and that those which are there keep working."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import administration, demo
from polaris.administration import Refused, passwords
from polaris.domain.enums import Role
from polaris.models import Account, SignIn
from polaris.web.confirmation import LIFETIME
from polaris.web.sign_in_limits import PER_PAIR
from tests.support import forms
from tests.support.cast import PASSWORD, Cast, Person, now

EMAIL = "jonathan.k@charging-club.example"

NEW = "kX9-vT2p-Lw4q"


def change(client: FlaskClient, present: str, new: str) -> TestResponse:
    return forms.post(client, "/account/password", page="/account/password", present=present, new=new)


def add(password: str) -> None:
    administration.add_account(EMAIL, password, Role.DRIVER, actor="tests", now=now())


@pytest.mark.parametrize("password", ["", "aaaaaaaaaa", "kX9-vT2p-Lw", "kX9-vT2p" * 16 + "x"])
def test_too_short_or_long_refused(database: None, password: str) -> None:
    with pytest.raises(Refused, match="12 to 128 characters"):
        add(password)


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaa",
        "123456789012",
        "password1234",
        "passwordpassword",
        "P@ssw0rd1234",
        "qwertyuiop12",
        "1q2w3e4r5t6y",
        "administrator",
        "iloveyou12345",
        "manchesterunited",
        "x" * passwords.MAX_LENGTH,
    ],
)
def test_common_refused(database: None, password: str) -> None:
    with pytest.raises(Refused, match="easily guessed"):
        add(password)


@pytest.mark.parametrize(
    "password",
    [EMAIL, EMAIL.upper(), f"kX9-{EMAIL}-vT2p", "Jonathan-vT2p-Lw4q", "vT2p-charging-Lw4q", "vT2p-club-Lw4q"],
)
def test_parts_of_the_address_refused(database: None, password: str) -> None:
    with pytest.raises(Refused, match="must not contain the e-mail address"):
        add(password)


@pytest.mark.parametrize(
    "password", [PASSWORD, "kX9-vT2p-Lw4q", "Zündschlüssel im Fass", "🚗🔋 kX9-vT2p-L", "k" + "X9-vT2p" * 18]
)
def test_others_taken(database: None, password: str) -> None:
    add(password)

    assert passwords.matches(Account.get().password_hash, password)


def test_demo_passwords_taken() -> None:
    for email in (demo.DRIVER, demo.OPERATOR):
        assert passwords.checked(demo.PASSWORD, email) == demo.PASSWORD


@pytest.mark.parametrize("password", ["aaaaaaaaaa", "ada@example.com", "x" * 1000])
def test_existing_passwords_keep_working(client: FlaskClient, cast: Cast, password: str) -> None:
    Account.update(password_hash=PasswordHasher(1, 8, 1).hash(password)).where(Account.id == cast.ada.id).execute()

    forms.sign_in(client, Person(cast.ada.id, cast.ada.email, password))


def test_refused_from_the_command_line(app: Flask, database: None) -> None:
    typed = "password1234\n"
    result = app.test_cli_runner().invoke(args=["account", "add", EMAIL, "--password-stdin"], input=typed)

    assert result.exit_code == 1
    assert "easily guessed" in result.output


@pytest.mark.both_databases
def test_changed_by_its_owner(app: Flask, cast: Cast) -> None:
    client, other = app.test_client(), app.test_client()
    for browser in (client, other):
        forms.sign_in(browser, cast.ada)

    answer = change(client, cast.ada.password, NEW)

    assert answer.headers["Location"] == "/account"
    assert "Your password is changed, and your other devices are signed out." in client.get("/account").text
    assert other.get("/account").headers["Location"] == "/sign-in?next=/account"
    assert forms.try_sign_in(other, cast.ada.email, cast.ada.password).status_code == 422
    assert forms.try_sign_in(other, cast.ada.email, NEW).status_code == 302


def test_change_gives_this_device_another_cookie(app: Flask, cast: Cast) -> None:
    client = app.test_client()
    forms.sign_in(client, cast.ada)
    stolen = client.get_cookie("polaris")
    assert stolen
    change(client, cast.ada.password, NEW)
    thief = app.test_client()
    thief.set_cookie("polaris", stolen.value)
    assert thief.get("/account").status_code == 302
    assert client.get("/account").status_code == 200
    assert SignIn.select().where(SignIn.revoked_at.is_null()).count() == 1


@pytest.mark.parametrize(
    ("present", "new", "words"),
    [
        ("not hers", NEW, "This is not your password."),
        ("", NEW, "Enter your password."),
        (PASSWORD, "", "Enter a new password."),
        (PASSWORD, "short", "A password has 12 to 128 characters."),
        (PASSWORD, "password1234", "This password is easily guessed."),
        (PASSWORD, "x\0" * 20, "This password is easily guessed."),
    ],
)
def test_change_refused_in_words(client: FlaskClient, cast: Cast, present: str, new: str, words: str) -> None:
    forms.sign_in(client, cast.ada)

    answer = change(client, present, new)

    assert answer.status_code == 422
    assert words in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert client.get("/account").status_code == 200
    assert forms.try_sign_in(client.application.test_client(), cast.ada.email, cast.ada.password).status_code == 302


def test_guesses_of_the_present_password_limited(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    guesses = [change(client, "not hers", NEW).status_code for _ in range(PER_PAIR.attempts + 1)]
    assert guesses == [422] * PER_PAIR.attempts + [429]


def test_change_asks_who_is_there(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    SignIn.update(confirmed_at=now() - LIFETIME).execute()
    answer = client.get("/account/password")
    assert answer.headers["Location"] == "/confirm?next=/account/password"
