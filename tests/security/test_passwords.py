"""Which new passwords are refused (ASVS 2.1), and that those which are there keep working."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration, demo
from polaris.administration import Refused, passwords
from polaris.domain.enums import Role
from polaris.models import Account
from tests.support import forms
from tests.support.cast import PASSWORD, Cast, Person, now

EMAIL = "jonathan.k@charging-club.example"


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
