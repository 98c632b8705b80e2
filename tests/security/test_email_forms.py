"""One e-mail address in every spelling: stored, typed, looked up and counted in one form."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser

from polaris import administration
from polaris.administration import Refused
from polaris.domain.email_addresses import normal_email
from polaris.domain.enums import Role
from polaris.models import Account
from polaris.web.sign_in_limits import PER_PAIR
from tests.support import forms
from tests.support.cast import PASSWORD, now
from tests.support.processes import Processes

IN_LETTERS = "a@bücher.example"
SPELLINGS = [
    IN_LETTERS,
    "a@xn--bcher-kva.example",
    "A@XN--BCHER-KVA.Example",
    " a@BÜCHER.example ",
    "a@bu\u0308cher.example",
]


def add(email: str) -> None:
    administration.add_account(email, PASSWORD, Role.DRIVER, actor="tests", now=now())


@pytest.mark.parametrize("stored", SPELLINGS)
@pytest.mark.parametrize("typed", SPELLINGS)
def test_any_spelling_signs_in(client: FlaskClient, stored: str, typed: str) -> None:
    add(stored)

    assert forms.try_sign_in(client, typed, PASSWORD).status_code == 302
    assert Account.get().email == IN_LETTERS


@pytest.mark.both_databases
def test_one_account_for_all_spellings(database: None) -> None:
    add(SPELLINGS[0])
    for spelling in SPELLINGS:
        with pytest.raises(Refused, match="already"):
            add(spelling)


@pytest.mark.parametrize("typed", SPELLINGS)
def test_any_spelling_on_the_command_line(app: Flask, typed: str) -> None:
    add(IN_LETTERS)
    for command, stdin in (
        (["card", "add", typed, "CARD-1"], ""),
        (["card", "list", "--email", typed], ""),
        (["account", "status", typed, "suspended"], ""),
        (["account", "password", typed, "--password-stdin"], "some other word heap\n"),
    ):
        result = app.test_cli_runner().invoke(args=command, input=stdin)
        assert result.exit_code == 0, result.output
        assert command[:2] != ["card", "list"] or "CARD-1" in result.output


def test_guesses_counted_for_all_spellings(client: FlaskClient, database: None) -> None:
    add(IN_LETTERS)
    for attempt in range(PER_PAIR.attempts):
        answer = forms.try_sign_in(client, SPELLINGS[attempt % len(SPELLINGS)], "a wrong password")
        assert answer.status_code == 422

    assert forms.try_sign_in(client, SPELLINGS[1], "a wrong password").status_code == 429


@given(st.one_of(st.text(max_size=80), st.emails()))
def test_normal_form_is_its_own(email: str) -> None:
    assert normal_email(normal_email(email)) == normal_email(email)


def test_typed_in_a_browser(processes: Processes, browser: Browser, database: None) -> None:
    """Chromium sends the domain of a field for e-mail addresses as xn--…"""
    add(IN_LETTERS)
    page = browser.new_page()
    page.goto(processes.web().url + "/sign-in")

    page.get_by_label("E-mail").fill(IN_LETTERS)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("heading", name="Sessions").wait_for()
    page.context.close()
