"""Invitations by mail on a whole Polaris: they arrive, and however the mail server behaves, nobody waits for it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from playwright.sync_api import Page, expect

from polaris.models import Account, Mail, blocking
from tests.support import mail_server
from tests.support.cast import PASSWORD, now
from tests.support.mail_server import MailServer
from tests.support.wait import eventually
from tests.system.world import World

ZOE = "zoe@example.com"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server.running() as server:
        yield server
        server.is_hanging = False


@pytest.fixture
def settings(settings: dict[str, str], server: MailServer) -> dict[str, str]:
    site = f"http://127.0.0.1:{settings['PORT']}"
    return settings | {"SMTP_URL": server.url, "MAIL_FROM": "charging@example.com", "SITE_URL": site}


def invite(world: World) -> Page:
    """Olga invites Zoe, and goes on to the list of people."""
    page = world.sign_in(world.cast.olga)
    page.goto("/people")
    page.get_by_role("link", name="Invite a person").click()
    page.get_by_label("E-mail").fill(ZOE)
    page.get_by_role("button", name="Invite a person").click()
    expect(page.get_by_role("main")).to_contain_text("The link goes out by mail")
    page.get_by_role("link", name="I have it").click()
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    return page


def first_letter(server: MailServer) -> EmailMessage:
    eventually(lambda: server.letters)
    return server.letters[0]


@blocking
def let_lease_end() -> None:
    Mail.update(due_at=now()).execute()


def test_mailed_link_makes_the_account(own_world: World, server: MailServer) -> None:
    page = invite(own_world)
    expect(page.locator("#people-list")).to_contain_text("Sent by mail at ")
    letter = first_letter(server)
    assert letter["To"] == ZOE
    link = re.search(rf"{own_world.web.url}/invitations/\S+", letter.get_content())
    assert link
    assert own_world.cast.olga.email in letter.get_content()
    assert "Questions? Olga, +49 30 1234" in letter.get_content()

    context = own_world.browser.new_context()
    own_world.contexts.append(context)
    zoe = context.new_page()
    zoe.goto(link[0])
    assert not Account.get_or_none(Account.email == ZOE)  # opening it uses nothing up
    zoe.locator("input[type=password]").fill(PASSWORD)
    zoe.get_by_role("button", name="Accept and sign in").click()
    expect(zoe.get_by_role("main")).to_contain_text("No sessions yet")
    expect(page.locator("#people-list")).not_to_contain_text("Open invitations")
    token = link[0].rpartition("/")[2]
    assert token not in own_world.bridge.log_text()


def test_refused_mail_needs_a_person_until_it_is_sent(own_world: World, server: MailServer) -> None:
    server.to_recipient = "550 5.1.1 No such person"
    page = invite(own_world)
    expect(page.locator("#people-list")).to_contain_text("The mail was not sent: 550 5.1.1 No such person")
    page.goto("/attention")
    matter = page.locator("#attention-mail")
    expect(matter).to_contain_text("550 5.1.1 No such person")
    server.to_recipient = "250 OK"
    matter.get_by_role("link", name="Mail the invitation again").click()
    page.get_by_role("button", name="Mail the invitation again").click()
    first_letter(server)
    expect(page.locator("#attention-mail")).not_to_contain_text(ZOE)


def test_killed_bridge_loses_no_mail(own_world: World, server: MailServer) -> None:
    server.is_hanging = True
    invite(own_world)
    first_letter(server)
    own_world.bridge.kill()
    server.is_hanging = False
    own_world.bridge.start()
    let_lease_end()
    eventually(lambda: len(server.letters) == 2)
    first, second = server.letters
    assert first.as_bytes() == second.as_bytes()


def test_mail_server_that_hangs_holds_up_nobody(own_world: World, server: MailServer) -> None:
    server.is_hanging = True
    invite(own_world)
    first_letter(server)
    number = own_world.charger.start(own_world.cast.ada.id_tag)
    page = own_world.watch(own_world.cast.ada, number)
    own_world.charger.deliver(3000, power_w=7000)
    page.shows("3.00", noun="live")
    page.stop()
    page.is_completed()
    assert len(server.letters) == 1
    began = time.monotonic()
    assert own_world.bridge.stop() == 0
    assert time.monotonic() - began < 15
    own_world.bridge.start()
