"""Cards in Chromium: an unknown one that is tapped shows up, is given to an account, and then starts a session."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.system.world import World


def test_unknown_card_is_given_to_an_account(world: World) -> None:
    page = world.sign_in(world.cast.olga)
    page.goto("/cards")
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    page.evaluate("window.hasStayed = true")
    card = f"04B2{world.cast.depot_7.id:04}"
    assert world.charger.tap(card.lower()) == "Invalid"
    tap = page.locator("#card-taps li").filter(has_text=card)
    expect(tap).to_contain_text("tapped once")
    assert world.charger.tap(card) == "Invalid"
    expect(tap).to_contain_text("tapped 2 times")
    assert page.evaluate("window.hasStayed === true")

    tap.get_by_role("link", name=f"Add the card to an account: {card}").click()
    page.get_by_label("E-mail").fill(world.cast.ada.email)
    page.get_by_role("button", name="Add the card to an account").click()
    page.wait_for_url("**/cards")
    expect(page.get_by_role("main")).to_contain_text(f"Card {card} was added to {world.cast.ada.email}.")
    expect(page.get_by_role("row").filter(has_text=card)).to_contain_text(world.cast.ada.email)
    expect(page.locator("#card-taps")).not_to_contain_text(card)

    assert world.charger.tap(card) == "Accepted"
    number = world.charger.start(card)
    expect(page.get_by_role("row").filter(has_text=card)).to_contain_text("in progress")
    world.charger.end()
    assert number
