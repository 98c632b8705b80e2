"""The page of an invitation's link: who opens it gets an account, once; a link that is not good says nothing more."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import administration
from polaris.administration import COMMAND_LINE
from polaris.attention.mails import NOT_MAILED
from polaris.domain.enums import Role
from polaris.domain.mail import MailState
from polaris.models import Account, AuditEntry, Invitation, Mail, blocking
from polaris.services import NAME
from polaris.verbs.accounts import NOT_MAILABLE
from polaris.web import sign_in_limits
from tests.support import forms
from tests.support.cast import PASSWORD, Cast, add_person, everybody, now
from tests.support.command_line import run_command

ZOE = "zoe@example.com"
INVITE = "/actions/account/invite?next=/people"


@pytest.fixture
def link(cast: Cast) -> str:
    return f"/invitations/{administration.invite(ZOE, Role.DRIVER, actor=cast.olga.email, now=now())}"


@blocking
def has_account() -> bool:
    return bool(Account.get_or_none(Account.email == ZOE))


def link_of(answer: TestResponse) -> str:
    found = re.search(r"<code>http://localhost(/invitations/[^<]+)</code>", answer.text)
    assert found, answer.text
    return unescape(found[1])


def test_operator_invites_and_person_accepts(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.olga)
    answer = forms.fill_in(client, INVITE, email=ZOE, role="operator")
    assert f"{ZOE} is invited as an operator, until" in answer.text
    path = link_of(answer)
    page = client.get("/people").text
    assert "Open invitations" in page
    assert f"by {cast.olga.email}, good until" in page
    assert path.rpartition("/")[2] not in page
    for text in (page, app.test_cli_runner().invoke(args=["account", "invitations"]).output):
        assert NOT_MAILED in text

    zoe = app.test_client()
    page = zoe.get(path).text
    assert f"{cast.olga.email} invites you" in page
    assert ZOE in page
    answer = forms.fill_in(zoe, path, new=PASSWORD)
    assert answer.status_code == 302
    assert zoe.get("/people").status_code == 200
    assert "Open invitations" not in client.get("/people").text
    forms.sign_in(app.test_client(), cast.ben)


def test_opening_it_uses_nothing_up(client: FlaskClient, link: str) -> None:
    for _ in range(3):
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200
    assert not has_account()
    client.post(link, data={"new": PASSWORD})  # without a token: not from the page
    assert not has_account()
    forms.fill_in(client, link, new=PASSWORD)
    assert has_account()


def test_bad_password_says_why(client: FlaskClient, link: str) -> None:
    answer = forms.fill_in(client, link, new="password1234")
    assert answer.status_code == 422
    assert "This password is easily guessed." in answer.text
    assert "password1234" not in answer.text
    assert forms.fill_in(client, link, new="").status_code == 422
    assert not has_account()


def test_links_that_are_not_good_look_alike(app: Flask, client: FlaskClient, cast: Cast, link: str) -> None:
    forms.fill_in(app.test_client(), link, new=PASSWORD)  # used
    links = [link, "/invitations/forged"]
    for email in ("expired@example.com", "withdrawn@example.com", "replaced@example.com"):
        at = now() - timedelta(days=8) if email.startswith("expired") else now()
        links.append(f"/invitations/{administration.invite(email, Role.DRIVER, actor=COMMAND_LINE, now=at)}")
    administration.withdraw_invitation("withdrawn@example.com", actor=COMMAND_LINE, now=now())
    administration.invite("replaced@example.com", Role.DRIVER, actor=COMMAND_LINE, now=now())
    token = forms.token(client, "/sign-in")
    form = {"csrf_token": token, "new": PASSWORD}
    for answers in ([client.get(each) for each in links], [client.post(each, data=form) for each in links]):
        assert {answer.status_code for answer in answers} == {404}
        (page,) = {forms.without_token(answer.text) for answer in answers}
        assert "This link is no longer good" in page


def test_accepting_signs_out_whoever_was_signed_in(client: FlaskClient, cast: Cast, link: str) -> None:
    forms.sign_in(client, cast.ben)
    assert f"You are signed in as {cast.ben.email}." in client.get(link).text
    forms.fill_in(client, link, new=PASSWORD)
    assert ZOE in client.get("/account").text
    lifetime = administration.lifetimes(client.application.extensions[NAME].config).driver
    assert administration.devices(cast.ben.id, lifetime, now=now()) == []


def test_attempts_are_limited(client: FlaskClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    allowance = sign_in_limits.PER_ADDRESS._replace(attempts=3)
    monkeypatch.setattr(sign_in_limits, "PER_ADDRESS", allowance)
    answers = [client.get(f"/invitations/{number}").status_code for number in range(5)]
    assert answers == [404, 404, 404, 429, 429]


def test_command_line_prints_the_link(app: Flask, client: FlaskClient, cast: Cast) -> None:
    output = run_command(app.extensions[NAME].config, "account", "invite", ZOE).output
    found = re.search(rf"The link for {ZOE}, which is not shown again: (/invitations/\S+)", output)
    assert found, output
    page = client.get(found[1]).text
    assert "The operator of these chargers invites you" in page
    output = run_command(app.extensions[NAME].config, "account", "withdraw-invitation", ZOE, "--yes").output
    assert "was withdrawn" in output
    assert client.get(found[1]).status_code == 404


def test_open_invitation_is_not_replaced_unseen(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.olga)
    opened = forms.fields(client.get(INVITE).text) | {"email": ZOE, "role": "driver"}
    first = f"/invitations/{administration.invite(ZOE, Role.OPERATOR, actor='otto@example.com', now=now())}"
    add_operator("otto@example.com")

    asked = client.post(INVITE, data=opened, buffered=True)

    assert f"Invitation of {ZOE} as operator, by otto@example.com, " in unescape(asked.text)
    assert client.get(first).status_code == 200
    output = run_command(app.extensions[NAME].config, "account", "invite", ZOE).output
    assert f"Invitation of {ZOE} as operator, by otto@example.com, " in output
    assert client.get(first).status_code == 200
    assert "is invited as a driver" in client.post(INVITE, data=forms.fields(asked.text), buffered=True).text
    assert client.get(first).status_code == 404
    made = AuditEntry.select().where(AuditEntry.action == "invitation.made").order_by(AuditEntry.id.desc())
    assert made.get().detail.startswith("driver, instead of: operator, by otto@example.com, ")


def test_withdrawn_from_the_page(client: FlaskClient, cast: Cast, link: str) -> None:
    forms.sign_in(client, cast.olga)
    withdraw = re.search(r'href="([^"]+)">\s*Withdraw', client.get("/people").text)
    assert withdraw
    assert forms.fill_in(client, unescape(withdraw[1])).location == "/people"
    assert client.get(link).status_code == 404


@blocking
def change(**values: str) -> None:
    Invitation.update(**values).execute()


@blocking
def add_operator(email: str) -> None:
    Account.create(email=email, role="operator", status="active", password_hash="", created_at=now())


def test_hostile_names_are_escaped(client: FlaskClient, cast: Cast, link: str) -> None:
    change(email="\"><script>alert(1)</script>'@x", invited_by="<img src=x>@y")
    add_operator("<img src=x>@y")
    forms.sign_in(client, cast.olga)
    for path in (link, "/people"):
        assert not re.search("<script>alert|<img", client.get(path).text)


@pytest.mark.parametrize("verb", ["invite", "withdraw-invitation"])
def test_drivers_invite_nobody(client: FlaskClient, cast: Cast, verb: str) -> None:
    forms.sign_in(client, cast.ada)
    path = f"/actions/account/{verb}"
    assert client.get(path).status_code == 404
    data = {"csrf_token": forms.token(client, "/account"), "email": ZOE, "role": "operator"}
    assert client.post(path, data=data).status_code == 404


def test_without_a_mail_server_it_is_said_that_there_is_none(app: Flask, client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.olga)
    answer = forms.fill_in(client, INVITE, email=ZOE, role="driver").text
    assert "Mail is not set up (SMTP_URL), so send the link yourself." in unescape(answer)
    only = f"{INVITE}?email={ZOE}"
    assert "Mail is not set up" not in forms.fill_in(client, only, role="driver", is_link_only="1").text
    output = run_command(app.extensions[NAME].config, "account", "invite", ZOE, "--yes").output
    assert "Mail is not set up (SMTP_URL), so send the link yourself." in output
    output = run_command(app.extensions[NAME].config, "account", "mail-invitation", ZOE).output
    assert output == "Error: Mail is not set up (SMTP_URL), so send the link yourself.\n"


@pytest.fixture
def mailing(make_app: Callable[..., Flask]) -> Flask:
    """An app with a mail server; nothing is sent, as no bridge runs."""
    return make_app(SMTP_URL="smtp://mail.example", MAIL_FROM="a@example.com", SITE_URL="http://localhost")


@blocking
def settle(state: MailState) -> None:
    answer = "550 <b>No</b> such person" if state is MailState.FAILED else ""
    Mail.update(state=state, sent_at=now(), answer=answer).execute()


def test_mail_and_what_became_of_it(mailing: Flask) -> None:
    client, config = mailing.test_client(), mailing.extensions[NAME].config
    cast = everybody(config)
    forms.sign_in(client, cast.olga)
    answer = forms.fill_in(client, INVITE, email=ZOE, role="driver").text
    assert "The link goes out by mail" in answer
    assert "<code>http://localhost/invitations/" in answer
    said = {
        MailState.WAITING: "The mail has been waiting since ",
        MailState.SENT: "Sent by mail at ",
        MailState.FAILED: "The mail was not sent: 550 ",
    }
    for state, words in said.items():
        settle(state)
        page = client.get("/people").text
        assert words in page
        assert "<b>No</b>" not in page
        assert ("Mail the invitation again" in page) is (state is not MailState.WAITING)
        assert words in run_command(config, "account", "invitations").output
    again = re.search(r'href="([^"]+)">\s*Mail the invitation again', client.get("/people").text)
    assert again
    assert forms.fill_in(client, unescape(again[1])).location == "/people"
    assert said[MailState.WAITING] in client.get("/people").text
    output = run_command(config, "account", "mail-invitation", ZOE).output
    assert output == f"The mail to {ZOE} waits to be sent already.\n"
    assert run_command(config, "account", "invite", ZOE, "--link-only", "--yes").exit_code == 0
    page = client.get("/people").text
    assert said[MailState.WAITING] not in page
    assert NOT_MAILED in page


def test_address_that_cannot_be_mailed_is_invited_by_its_link(mailing: Flask) -> None:
    client = mailing.test_client()
    forms.sign_in(client, everybody(mailing.extensions[NAME].config).olga)
    refused = forms.fill_in(client, INVITE, email="jörg@example.com", role="driver")
    assert refused.status_code == 422
    assert unescape(NOT_MAILABLE) in unescape(refused.text)
    answer = forms.fill_in(client, INVITE, email="jörg@example.com", role="driver", is_link_only="1")
    assert "is invited as a driver" in answer.text
    assert "is invited" in forms.fill_in(client, INVITE, email="zoe@exämple.com", role="driver").text


def test_page_says_that_links_end_with_their_makers_rights(client: FlaskClient, cast: Cast, link: str) -> None:
    forms.sign_in(client, add_person("otto@example.com", role=Role.OPERATOR))
    path = f"/actions/account/role?email={cast.olga.email}"
    assert "the links that they made end for good" in client.get(path).text
    client.post("/actions/account/role", data=forms.fields(client.get(path).text) | {"role": "driver"})
    assert "1 link that it had made has ended." in client.get("/people").text
    assert client.get(link).status_code == 404
    client.post("/actions/account/role", data=forms.fields(client.get(path).text) | {"role": "operator"})
    assert client.get(link).status_code == 404
    assert "Open invitations" not in client.get("/people").text


def test_no_open_invitations(app: Flask) -> None:
    assert run_command(app.extensions[NAME].config, "account", "invitations").output == "No open invitations.\n"
