"""The second factor in the browser: passkeys with Chromium's virtual authenticator, and codes without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.support.second_factors import forget_codes, let_confirmations_expire
from tests.system.world import World

KEY = re.compile(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}")


def give_authenticator(page: Page, *, has_verification: bool = True) -> Any:
    """Give the page's browser an authenticator that is always touched at once."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": has_verification,
        "isUserVerified": has_verification,
        "automaticPresenceSimulation": True,
    }
    made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return cdp, made["authenticatorId"]


def add_passkey(page: Page) -> list[str]:
    """Add a passkey; return the recovery codes that come with it."""
    page.goto("/account")
    page.get_by_role("link", name="Set it up").click()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Ada's phone")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    codes = page.locator(".codes li").all_inner_texts()
    page.get_by_role("link", name="I have noted them").click()
    expect(page.get_by_role("main")).to_contain_text("Ada's phone")
    return codes


def key_on(page: Page) -> str:
    """The key for an authenticator app that the page shows."""
    key = KEY.search(page.get_by_role("main").inner_text())
    assert key is not None
    return key[0].replace(" ", "")


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(re.compile("/sign-in"))  # a page with a stream may be sent there by its end, with `?next=`


def enter_password(page: Page, world: World) -> None:
    page.get_by_label("E-mail").fill(world.cast.ada.email)
    page.get_by_label("Password", exact=True).fill(world.cast.ada.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/sign-in/second-step")


def test_passkey_signs_in(world: World, site: str) -> None:
    page = world.sign_in(world.cast.ada, base_url=site)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    give_authenticator(page)
    codes = add_passkey(page)
    assert len(set(codes)) == 10

    sign_out(page)
    enter_password(page, world)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/")

    sign_out(page)
    page.get_by_role("button", name="Use a passkey instead").click()  # alone, and no e-mail address typed
    page.wait_for_url("**/")
    page.goto("/account")
    expect(page.get_by_role("main")).to_contain_text(world.cast.ada.email)
    assert problems == []


def test_passkey_removed(world: World, site: str) -> None:
    page = world.sign_in(world.cast.ada, base_url=site)
    give_authenticator(page)
    add_passkey(page)
    page.get_by_role("link", name="Remove Ada's phone").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("main")).to_contain_text("The passkey is removed.")

    page.goto("/account")
    expect(page.get_by_role("main")).to_contain_text("your password alone signs you in")


def test_refused_passkey_said_in_words(world: World, site: str) -> None:
    page = world.sign_in(world.cast.ada, base_url=site)
    cdp, authenticator = give_authenticator(page)
    add_passkey(page)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("has a passkey for your account already"))

    sign_out(page)
    enter_password(page, world)
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    button = page.get_by_role("button", name="Use a passkey")
    button.click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("No passkey was used"))
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": True})
    button.press("Enter")
    page.wait_for_url("**/")


def test_app_without_javascript(world: World) -> None:
    page = world.sign_in(world.cast.ada, java_script_enabled=False)
    page.goto("/account/second-factor")
    page.get_by_role("link", name="Set up an app").click()
    secret = key_on(page)
    page.get_by_role("textbox", name="Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Set up").click()
    code = page.locator(".codes li").first.inner_text()
    expect(page.get_by_text("Copy", exact=True)).to_be_hidden()

    forget_codes()
    sign_out(page)
    enter_password(page, world)
    page.get_by_label("Code from your authenticator app").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Continue").first.click()
    page.wait_for_url("**/")

    sign_out(page)
    enter_password(page, world)
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill(code.upper())
    page.get_by_role("button", name="Continue").last.click()
    page.wait_for_url("**/")
    expect(page.get_by_role("main")).to_contain_text("9 are left")


def test_keyboard_starts_at_the_error(world: World, site: str) -> None:
    """On the smallest screen, the message is in sight with the field."""
    page = world.sign_in(world.cast.ada, base_url=site, viewport={"width": 320, "height": 640})
    give_authenticator(page)
    page.goto("/account/password")
    page.get_by_label("Present password").fill("wrong horse battery")
    page.get_by_label("New password").fill("seven purple tram rails")
    page.get_by_role("button", name="Change").click()
    is_told_at(page, "Present password", "This is not your password.")

    let_confirmations_expire()
    page.goto("/account/password")
    page.get_by_label("Password", exact=True).fill("wrong horse battery")
    page.get_by_role("button", name="Continue").click()
    is_told_at(page, "Password", "This is not your password.")
    page.get_by_label("Password", exact=True).fill(world.cast.ada.password)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/account/password")

    page.goto("/account/second-factor/app")
    secret = key_on(page)
    page.get_by_role("textbox", name="Code").fill("000000")
    page.get_by_role("button", name="Set up").click()
    is_told_at(page, "Code", "This code does not fit.")
    page.get_by_role("textbox", name="Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Set up").click()
    page.get_by_role("link", name="I have noted them").click()

    sign_out(page)
    page.get_by_label("E-mail").fill(world.cast.ada.email)
    page.get_by_label("Password", exact=True).fill("wrong horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_in_viewport(ratio=1)
    expect(page.get_by_label("E-mail")).to_be_focused()
    enter_password(page, world)
    page.get_by_label("Code from your authenticator app").fill("000000")
    page.get_by_role("button", name="Continue").first.click()
    is_told_at(page, "Code from your authenticator app", "Wait for the next one")
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill("abcd-abcd-abcd-abcd")
    page.get_by_role("button", name="Continue").last.click()
    is_told_at(page, "Recovery code", "This recovery code does not fit")


def is_told_at(page: Page, label: str, words: str) -> None:
    field = page.get_by_label(label, exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text(words)).to_be_in_viewport(ratio=1)


def test_recovery_codes_copied_and_printed(world: World, site: str) -> None:
    page = world.sign_in(world.cast.ada, base_url=site, permissions=["clipboard-read", "clipboard-write"])
    page.add_init_script("window.print = () => { document.title = 'printed' }")
    page.goto("/account/second-factor/app")
    page.get_by_role("textbox", name="Code").fill(pyotp.TOTP(key_on(page)).now())
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    codes = page.locator(".codes li").all_inner_texts()

    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    owner = f"Polaris Express, {site}, for {world.cast.ada.email}"
    assert page.evaluate("navigator.clipboard.readText()").splitlines() == [owner, *codes]
    page.get_by_role("button", name="Print").click()
    expect(page).to_have_title("printed")

    page.emulate_media(media="print")
    assert page.locator("body").inner_text().split("\n\n") == ["Recovery codes", owner, "\n".join(codes)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_second_factor_on_smallest_screen(world: World, site: str, scheme: str) -> None:
    screen: Any = {"viewport": {"width": 320, "height": 640}, "color_scheme": scheme}
    page = world.sign_in(world.cast.ada, base_url=site, **screen)
    give_authenticator(page)
    for path in ("", "/app", "/passkeys"):
        page.goto(f"/account/second-factor{path}")
        fits(page)
    add_passkey(page)
    for path in ("/account/second-factor", "/account/second-factor/recovery-codes", "/account", "/confirm"):
        page.goto(path)
        fits(page)
    sign_out(page)
    fits(page)
    enter_password(page, world)
    fits(page)


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
