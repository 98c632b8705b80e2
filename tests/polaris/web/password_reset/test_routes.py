"""Forgotten passwords: a link by mail, the same answer for every address, and a link that is good once for an hour."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration
from polaris.administration import own_passwords
from polaris.config import Config
from polaris.domain.enums import Role
from polaris.mail import Sender
from polaris.models import Account, AuditEntry, Mail, PasswordReset, SignIn, blocking, run_blocking
from polaris.pubsub import Publisher
from polaris.translations import Texts
from tests.support import forms, mail_server
from tests.support.cast import Cast, Person, everybody, now
from tests.support.mail_server import MailServer
from tests.support.second_factors import set_up_app

pytestmark = pytest.mark.both_databases

NEW = "kX9-vT2p-Lw4q"
ASK = "/forgotten-password"
SENT = "If there is an account with this address, a link for a new password is on its way to it."


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server.running() as server:
        yield server


@pytest.fixture
def mail_settings(server: MailServer) -> dict[str, str]:
    return {"SMTP_URL": server.url, "MAIL_FROM": "charging@example.com", "SITE_URL": "http://localhost"}


@pytest.fixture
def app(make_app: Callable[..., Flask], mail_settings: dict[str, str]) -> Flask:
    return make_app(**mail_settings)


@pytest.fixture
def people(app: Flask, config: Config) -> Cast:
    return everybody(config)


@pytest.fixture
def sender(settings: dict[str, str], mail_settings: dict[str, str], publisher: Publisher) -> Sender:
    return Sender(Config.from_env(settings | mail_settings), publisher)


@pytest.fixture
def link(client: FlaskClient, people: Cast, sender: Sender, server: MailServer) -> str:
    """Of Ada, as it comes by mail."""
    ask(client, people.ada.email)
    send(sender)
    (letter,) = server.letters
    assert letter["To"] == people.ada.email
    found = re.search(r"^http://localhost(/password/\S+)", letter.get_content(), re.MULTILINE)
    assert found, letter.get_content()
    return found[1]


def ask(client: FlaskClient, email: str) -> str:
    answer = forms.post(client, ASK, page=ASK, email=email)
    assert answer.headers["Location"] == "/sign-in", answer.text
    return forms.without_token(client.get("/sign-in").text)


def send(sender: Sender) -> None:
    while sender.send_due(now()):
        pass


@blocking
def rows(model: type) -> int:
    count: int = model.select().count()  # type: ignore[attr-defined]
    return count


def is_closed(client: FlaskClient, link: str) -> bool:
    form = {"csrf_token": forms.token(client, "/sign-in"), "new": NEW}
    pages = [client.get(link), client.post(link, data=form)]
    return all(page.status_code == 404 and "This link is no longer good" in page.text for page in pages)


def test_link_sets_a_password_once_and_signs_the_others_out(
    app: Flask, client: FlaskClient, people: Cast, link: str
) -> None:
    other = app.test_client()
    forms.sign_in(other, people.ada)
    for _ in range(3):  # scanners open it
        assert people.ada.email in client.get(link).text
    answer = forms.fill_in(client, link, new=NEW)
    assert answer.status_code == 302
    assert people.ada.email in client.get("/account").text
    assert other.get("/account").headers["Location"] == "/sign-in?next=/account"
    assert is_closed(app.test_client(), link)
    assert forms.try_sign_in(app.test_client(), people.ada.email, people.ada.password).status_code == 422
    actions = [row.action for row in AuditEntry.select().where(AuditEntry.target == people.ada.email)]
    assert {"password.link_asked", "account.password_reset"} <= set(actions)


def test_answer_and_work_are_the_same_for_every_address(
    app: Flask, client: FlaskClient, people: Cast, sender: Sender, server: MailServer
) -> None:
    addresses = (people.ada.email, "nobody@example.com")
    pages = []
    for number, email in enumerate(addresses, 1):
        pages.append(ask(app.test_client(), email))
        assert (rows(PasswordReset), rows(Mail)) == (number, number)
    assert pages[0] == pages[1]
    assert SENT in pages[0]
    send(sender)
    assert [letter["To"] for letter in server.letters] == [people.ada.email]
    assert rows(Mail) == 1  # nobody is told that one could not be sent


def test_second_factor_is_still_asked_for(
    app: Flask, client: FlaskClient, people: Cast, sender: Sender, server: MailServer
) -> None:
    ada = app.test_client()
    forms.sign_in(ada, people.ada)
    set_up_app(ada)
    ask(client, people.ada.email)
    send(sender)
    found = re.search(r"http://localhost(/password/\S+)", server.letters[0].get_content())
    assert found
    answer = forms.fill_in(client, found[1], new=NEW)
    assert answer.headers["Location"] == "/sign-in/second-step"
    assert client.get("/account").status_code == 302
    assert ada.get("/account").status_code == 302


def test_bad_password_says_why_and_uses_nothing_up(client: FlaskClient, link: str) -> None:
    for bad in ("", "short", "password1234"):
        answer = forms.fill_in(client, link, new=bad)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
    client.post(link, data={"new": NEW})  # without a token: not from the page
    assert forms.fill_in(client, link, new=NEW).status_code == 302


def test_links_that_are_not_good(app: Flask, client: FlaskClient, people: Cast, link: str) -> None:
    assert is_closed(client, "/password/forged")
    run_blocking(PasswordReset.update(expires_at=now() - timedelta(seconds=1)).execute)
    assert is_closed(client, link)


def test_new_password_ends_links(client: FlaskClient, people: Cast, link: str, publisher: Publisher) -> None:
    administration.set_password(publisher, people.ada.email, NEW, actor="tests", now=now())
    assert is_closed(client, link)


def test_link_in_a_browser_of_somebody_else(client: FlaskClient, people: Cast, link: str) -> None:
    forms.sign_in(client, people.ben)
    assert f"You are signed in as {people.ben.email}." in client.get(link).text
    forms.fill_in(client, link, new=NEW)
    assert people.ada.email in client.get("/account").text
    assert SignIn.select().where(SignIn.account == people.ben.id, SignIn.revoked_at.is_null()).count() == 0


def test_in_the_language_of_the_page_or_of_the_account(
    client: FlaskClient, people: Cast, sender: Sender, server: MailServer
) -> None:
    form = {"csrf_token": forms.token(client, ASK), "email": people.ben.email}
    client.post(ASK, data=form, headers={"Accept-Language": "de"})
    run_blocking(Account.update(language="fr").where(Account.id == people.ada.id).execute)
    client.post(ASK, data=form | {"email": people.ada.email}, headers={"Accept-Language": "de"})
    send(sender)
    texts = [Texts.of(language) for language in ("de", "fr")]
    subjects = [each.gettext("A new password for %(site)s", site="localhost") for each in texts]
    assert [letter["Subject"] for letter in server.letters] == subjects


def test_limited_by_address_alike_for_all(app: Flask, people: Cast) -> None:
    for email in (people.ada.email, "nobody@example.com"):
        answers = [forms.post(app.test_client(), ASK, page=ASK, email=email).status_code for _ in range(4)]
        assert answers == [302, 302, 302, 429]


def test_what_is_no_address(client: FlaskClient, people: Cast) -> None:
    for bad, words in (
        ("", "Enter your e-mail address."),
        ("ada", "This is no e-mail address."),
        ("@" * 500, "This is"),
    ):
        answer = forms.post(client, ASK, page=ASK, email=bad)
        assert answer.status_code == 422
        assert words in answer.text
    assert rows(PasswordReset) == 0


def test_without_a_mail_server_the_operator_is_named(make_app: Callable[..., Flask]) -> None:
    client = make_app(OPERATOR_CONTACT="Olga, +49 30 1234").test_client()
    assert ASK in client.get("/sign-in").text
    page = client.get(ASK).text
    assert "Contact the operator: Olga, +49 30 1234" in page
    form = {"csrf_token": forms.token(client, "/sign-in"), "email": "ada@example.com"}
    assert client.post(ASK, data=form).status_code == 200
    assert rows(PasswordReset) == 0


def test_address_of_somebody_who_may_not_be_one_yet(people: Cast, sender: Sender, server: MailServer) -> None:
    secret = {"mail_secret": "x" * 32, "now": now()}  # another key than the sender's
    own_passwords.ask_for_link("later@example.com", "", **secret)
    administration.add_account("later@example.com", NEW, Role.DRIVER, actor="tests", now=now())
    send(sender)
    assert server.letters == []
    assert "SECRET_KEY is another one" in Mail.get().answer


def test_person_who_is_gone(client: FlaskClient, people: Cast, link: str) -> None:
    assert isinstance(people.ada, Person)
    run_blocking(Account.update(email="erased 1", erased_at=now()).where(Account.id == people.ada.id).execute)
    assert is_closed(client, link)
