"""A driver's account on a whole Polaris: a forgotten password, a deletion, and what they are told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from playwright.sync_api import APIResponse, BrowserContext, Page, Route, expect

from polaris import administration
from polaris.domain.enums import Role
from polaris.models import Mail, blocking
from tests.support import mail_server
from tests.support.cast import now
from tests.support.mail_server import MailServer
from tests.support.wait import eventually
from tests.system.world import World

NEW = "kX9-vT2p-Lw4q"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}}
READY = "navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)"
SHOWN = """navigator.serviceWorker.ready
  .then((registration) => registration.getNotifications())
  .then((all) => all.map(({ title, body, data }) => [title, body, data.path]))"""


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server.running() as server:
        yield server
        server.is_hanging = False


@pytest.fixture
def settings(settings: dict[str, str], server: MailServer) -> dict[str, str]:
    site = f"http://127.0.0.1:{settings['PORT']}"
    return settings | {"SMTP_URL": server.url, "MAIL_FROM": "charging@example.com", "SITE_URL": site}


def letter(server: MailServer, number: int = 0) -> EmailMessage:
    eventually(lambda: len(server.letters) > number)
    return server.letters[number]


def link_in(letter: EmailMessage, path: str) -> str:
    found = re.search(rf"http://\S+{path}\S+", letter.get_content())
    assert found, letter.get_content()
    return found[0]


def stranger(world: World, **options: Any) -> Page:
    context: BrowserContext = world.browser.new_context(base_url=world.web.url, **options)
    world.contexts.append(context)
    return context.new_page()


def test_forgotten_password(own_world: World, server: MailServer) -> None:
    ada = own_world.cast.ada
    other = own_world.sign_in(ada)
    other.goto("/account")
    page = stranger(own_world, **PHONE)
    page.goto("/sign-in")
    page.get_by_role("link", name="Forgotten your password?").click()
    page.get_by_label("E-mail").fill(ada.email)
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("status").first).to_contain_text("a link for a new password is on its way to it")

    page.goto(link_in(letter(server), "/password/"))
    expect(page.get_by_role("main")).to_contain_text(ada.email)
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Set it and sign in").click()
    page.wait_for_url(lambda url: "password" not in url)
    page.goto("/account")
    expect(page.get_by_role("main")).to_contain_text(ada.email)
    other.wait_for_url(re.compile("/sign-in"))  # by itself: its stream has ended

    page.goto(link_in(letter(server), "/password/"))
    expect(page.get_by_role("heading")).to_have_text("This link is no longer good")
    assert link_in(letter(server), "/password/").rpartition("/")[2] not in own_world.bridge.log_text()


def test_invitation_is_accepted_beside_another_persons_pages(own_world: World) -> None:
    """The new sign-in ends the other's pages in this browser, and none of them the form that it came of."""
    token = administration.invite("zoe@example.com", Role.DRIVER, actor=own_world.cast.olga.email, now=now())
    page = own_world.sign_in(own_world.cast.ada, service_workers="block")  # else Playwright does not see the form's way
    beside = page.context.new_page()
    beside.goto("/account")
    expect(beside.locator("#stream")).to_have_attribute("data-status", "live")
    page.goto(f"/invitations/{token}")
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append((route, route.fetch(max_redirects=0)))
        else:
            route.continue_()

    page.route("**/invitations/*", hold)
    page.locator("input[type=password]").fill(NEW)
    page.get_by_role("button", name="Accept and sign in").click(no_wait_after=True)
    eventually(lambda: page.wait_for_timeout(20) or held)
    expect(beside.get_by_role("main")).not_to_contain_text(own_world.cast.ada.email)  # it follows by itself
    page.wait_for_timeout(500)  # for what must not come: there is no event to wait for
    route, answer = held[0]
    route.fulfill(response=answer)
    page.wait_for_url(f"{own_world.web.url}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")


def test_deleted_account_is_gone_everywhere(own_world: World) -> None:
    ada = own_world.cast.ada
    other = own_world.sign_in(ada)
    other.goto("/account")
    number = own_world.charger.start(ada.id_tag)
    page = own_world.sign_in(ada, **PHONE)
    page.goto("/account")
    page.get_by_role("link", name="Delete your account").click()
    page.get_by_label("Present password").fill(ada.password)
    page.get_by_role("button", name="Delete my account").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text("You are still charging, so nothing was deleted.")
    main.get_by_role("link", name=f"Session #{number}").click()
    page.get_by_role("button", name="Stop charging").click()
    expect(page.locator(f"#session-{number}-header")).to_contain_text("Completed")

    page.goto("/account/deletion")
    expect(main).to_contain_text("For accounting, without end")
    page.get_by_label("Present password").fill(ada.password)
    page.get_by_role("button", name="Delete my account").click()
    page.wait_for_url("**/sign-in")
    expect(main).to_contain_text("Your account is deleted.")
    other.wait_for_url(re.compile("/sign-in"))


@blocking
def let_leases_end() -> None:
    Mail.update(due_at=now()).execute()


def test_told_by_mail_across_a_killed_bridge(own_world: World, server: MailServer) -> None:
    page = own_world.sign_in(own_world.cast.ada, **PHONE)
    page.goto("/account")
    page.get_by_role("link", name="Notifications").click()
    page.get_by_role("group", name="Charging has ended").get_by_label("by mail").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("Saved.")

    server.is_hanging = True
    number = own_world.charger.start(own_world.cast.ada.id_tag)
    own_world.charger.end()
    letter(server)  # it is under way
    own_world.bridge.kill()
    server.is_hanging = False
    own_world.bridge.start()
    let_leases_end()
    first, second = letter(server), letter(server, 1)
    assert first.as_bytes() == second.as_bytes()  # nobody knew whether the server had taken the first
    assert first["Subject"] == "Charging has ended at Depot 7"
    assert f"/sessions/{number}" in first.get_content()

    away = stranger(own_world)
    away.goto(link_in(first, "/unsubscribe/"))
    away.get_by_role("button", name="Send me no more").click()
    expect(away.get_by_role("heading")).to_have_text("You get no more mails about charging")
    own_world.commands_arrive()
    own_world.charger.start(own_world.cast.ada.id_tag)
    own_world.charger.end()
    page.goto("/account/notifications")
    expect(page.get_by_role("group", name="Charging has ended").get_by_label("by mail")).not_to_be_checked()
    assert len(server.letters) == 2


def test_push_is_shown(own_world: World) -> None:
    page = own_world.sign_in(own_world.cast.ada)
    page.context.grant_permissions(["notifications"])
    page.goto("/account/notifications")
    expect(page.get_by_role("button", name="Switch on for this device")).to_be_visible()
    eventually(lambda: page.evaluate(READY))
    payload = {"title": "Charging has ended", "body": "Energy: 12.34 kWh.", "path": "/sessions/1", "tag": "notice-1"}
    for _ in range(2):  # one that comes twice is shown once
        deliver(page, own_world.web.url, payload)
    eventually(lambda: page.evaluate(SHOWN))
    assert page.evaluate(SHOWN) == [[payload["title"], payload["body"], payload["path"]]]


def test_browser_without_a_push_service_says_so(own_world: World) -> None:
    """Chromium of the tests has none."""
    page = own_world.sign_in(own_world.cast.ada)
    page.context.grant_permissions(["notifications"])
    page.goto("/account/notifications")
    page.get_by_role("button", name="Switch on for this device").click()
    problem = page.locator("[data-push=on] .field__error:not([hidden])")
    expect(problem).to_contain_text(re.compile("push service does not answer|does not allow it"), timeout=20_000)


def deliver(page: Page, origin: str, payload: dict[str, str]) -> None:
    """Deliver a push as Chromium gets it, after its decryption."""
    session = page.context.new_cdp_session(page)
    found: list[dict[str, Any]] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
    session.send("ServiceWorker.enable")
    eventually(lambda: page.evaluate(READY) and found)  # which lets events come
    session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": found[-1]["registrationId"], "data": json.dumps(payload)},
    )
    session.detach()
