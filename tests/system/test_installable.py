"""Polaris on a phone whose network goes: a driver's last pages with their age, nobody else's, and back by itself."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from polaris.models import SignIn
from polaris.web.static_files import present
from tests.support.cast import Person, now
from tests.support.wait import eventually
from tests.system.world import World

READY = "navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)"
CACHES = "caches.keys()"
KEPT = """async () => {
  const names = (await caches.keys()).filter((name) => name.startsWith("pages-"));
  const urls = [];
  for (const name of names)
    for (const request of await (await caches.open(name)).keys()) urls.push(new URL(request.url).pathname);
  return urls.sort();
}"""
KEPT_HTML = "async (path) => (await caches.match(path)).text()"
AGED = """async (ms) => {
  for (const name of (await caches.keys()).filter((name) => name.startsWith("pages-"))) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const kept = await cache.match(request);
      const headers = new Headers(kept.headers);
      headers.set("Polaris-Kept-At", Number(headers.get("Polaris-Kept-At")) - ms);
      const now = (text) => text.replace(/data-now="(\\d+)"/, (_, now) => `data-now="${now - ms}"`);
      await cache.put(request, new Response(now(await kept.text()), { headers }));
    }
  }
}"""
OFFLINE = re.compile(r"^As of \d\d:\d\d(, .+)?\. You are offline\.$")


def install(page: Page) -> None:
    """Wait until the worker serves the page's browser; the pages from then on are kept."""
    eventually(lambda: page.evaluate(READY))


def kept(page: Page, *paths: str) -> None:
    eventually(lambda: page.evaluate(KEPT) == sorted(paths))


def driver(world: World, person: Person | None = None, **options: Any) -> Page:
    page = world.sign_in(person or world.cast.ada, locale="en-US", **options)
    install(page)
    page.goto("/")  # the first that is kept for certain
    return page


def go_offline(context: BrowserContext) -> None:
    context.set_offline(True)


def clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"


def notice(page: Page) -> Locator:
    return page.locator("#connection")


def test_last_pages_without_a_network(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(2500)
    page = driver(world)
    page.goto(f"/sessions/{number}")
    page.goto("/sessions")
    kept(page, "/", "/sessions", f"/sessions/{number}")
    page.evaluate(AGED, 12 * 60_000)
    go_offline(page.context)

    page.goto(f"/sessions/{number}")

    expect(notice(page)).to_have_text(OFFLINE)
    expect(notice(page)).to_contain_text("12 minutes ago")
    expect(page.get_by_role("main")).to_contain_text("2.50")
    expect(page.get_by_role("button", name="Stop charging")).to_be_disabled()
    elapsed = page.locator("[data-elapsed]")
    assert elapsed.text_content() == clock(int(elapsed.get_attribute("data-elapsed") or "")), "it does not run on"
    page.get_by_role("navigation").get_by_role("link", name="Sessions").click()
    expect(notice(page)).to_have_text(OFFLINE)
    page.goto("/account")
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link")).to_have_count(3)

    page.get_by_role("main").get_by_role("link").last.click()
    expect(notice(page)).to_have_text(OFFLINE)
    page.goto(f"/sessions/{number}")
    page.context.set_offline(False)

    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    expect(notice(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Stop charging")).to_be_enabled()


def test_live_page_is_kept_as_last_seen(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = driver(world)
    page.goto(f"/sessions/{number}")
    kept(page, "/", f"/sessions/{number}")
    world.charger.deliver(7300)
    expect(page.get_by_role("main")).to_contain_text("7.30")
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")

    page.goto("/account")
    eventually(lambda: "7.30" in page.evaluate(KEPT_HTML, f"/sessions/{number}"))
    go_offline(page.context)
    page.goto(f"/sessions/{number}")

    expect(page.get_by_role("main")).to_contain_text("7.30")
    expect(notice(page)).to_have_text(OFFLINE)


def test_nothing_of_the_person_before(world: World) -> None:
    """After a sign-out, another sign-in, and a sign-out from elsewhere that the open page is told of."""
    number = world.charger.start(world.cast.ada.id_tag)
    page = driver(world)
    page.goto(f"/sessions/{number}")
    kept(page, "/", f"/sessions/{number}")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in**")
    install(page)
    kept(page)
    shows_nothing(page, f"/sessions/{number}", "/sessions", "/")

    install(page)
    fill_in(page, world.cast.ben)
    page.goto("/")
    page.goto("/sessions")
    kept(page, "/", "/sessions")
    shows_nothing(page, f"/sessions/{number}")

    page.goto("/sessions")
    kept(page, "/", "/sessions")
    SignIn.update(revoked_at=now()).where(SignIn.account == world.cast.ben.id).execute()
    page.wait_for_url("**/sign-in**")
    kept(page)


def test_operators_pages_are_not_kept(world: World) -> None:
    page = world.sign_in(world.cast.olga)
    install(page)
    for path in ("/sessions", "/fleet", "/account"):
        page.goto(path)
    kept(page)


def test_kept_pages_are_bounded(world: World) -> None:
    page = driver(world)
    page.goto("/sessions")
    kept(page, "/", "/sessions")
    keep_many = """async () => {
      const [name] = (await caches.keys()).filter((name) => name.startsWith("pages-"));
      const cache = await caches.open(name);
      for (let number = 1; number <= 30; number++) await cache.put(`/sessions/${number}0000`, new Response("x"));
    }"""
    page.evaluate(keep_many)

    page.goto("/sessions")

    eventually(lambda: len(page.evaluate(KEPT)) == 20)
    assert "/sessions" in page.evaluate(KEPT)


def test_page_that_is_too_old_is_not_shown(world: World) -> None:
    page = driver(world)
    page.goto("/sessions")
    kept(page, "/", "/sessions")
    page.evaluate(AGED, 8 * 86_400_000)
    shows_nothing(page, "/sessions")


def test_upgrade_replaces_what_was_kept(world: World) -> None:
    context = world.browser.new_context(base_url=world.web.url)
    world.contexts.append(context)
    page = context.new_page()
    page.goto("/healthz")
    page.evaluate(
        "Promise.all(['shell-0123456789abcdef', 'pages-0123456789abcdef-x'].map((name) => caches.open(name)))"
    )

    page.goto("/sign-in")
    install(page)

    eventually(lambda: page.evaluate(CACHES) == [f"shell-{present().fingerprint}"])


def test_page_left_open_over_an_upgrade(world: World) -> None:
    """What it loads later has the old address: the present module comes, and the worker starts."""
    page = driver(world)
    assert page.evaluate(
        "import('/static/0123456789abcdef/js/shared_stream.js').then((module) => 'SharedStream' in module)"
    )
    start = """() => new Promise((resolve) => {
      const address = "/static/0123456789abcdef/js/stream_worker.js";
      const { port } = new SharedWorker(address, { type: "module", name: "old" });
      port.onmessage = ({ data }) => resolve(data.kind);
      port.postMessage({ kind: "watch", addresses: ["/live/sessions"], viewer: document.body.dataset.viewer });
    })"""
    assert page.evaluate(start) == "status"


@pytest.mark.parametrize("service_workers", ["allow", "block"])
def test_second_page_costs_one_request(world: World, service_workers: str) -> None:
    page = world.sign_in(world.cast.ada, service_workers=service_workers)
    if service_workers == "allow":
        install(page)
    page.goto("/sessions")
    page.wait_for_load_state()
    answers: dict[str, str] = {}  # the path of each by the id of its request
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    from_memory: list[str] = []
    network.on("Network.requestServedFromCache", lambda event: from_memory.append(event["requestId"]))
    network.on("Network.responseReceived", lambda event: answers.update(sent(event)))

    page.goto("/account")
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")

    paths = [path for request, path in answers.items() if request not in from_memory]
    assert [path for path in paths if not path.startswith("/live/")] == ["/account"]


def sent(event: Any) -> dict[str, str]:
    """The id and path of a request whose answer came from the server."""
    response = event["response"]
    is_from_worker = response.get("serviceWorkerResponseSource") == "cache-storage"
    is_kept = response.get("fromDiskCache") or is_from_worker
    return {} if is_kept else {event["requestId"]: urlsplit(response["url"]).path}


@pytest.mark.parametrize("service_workers", ["allow", "block"])
def test_page_that_another_site_leads_to_is_sent_as_it_is(world: World, site: str, service_workers: str) -> None:
    """The worker passes on who asks: for this site a page is compressed, for another one it is not."""
    page = world.sign_in(world.cast.ada, service_workers=service_workers)
    if service_workers == "allow":
        install(page)
    page.goto("/sessions")
    with page.expect_response("**/account") as ours:
        page.get_by_role("link", name="Account").click()
    assert ours.value.headers["content-encoding"] == "br"

    page.goto(f"{site}/healthz")
    with page.expect_response("**/account") as others:
        page.evaluate("(address) => location.assign(address)", f"{world.web.url}/account")

    page.wait_for_url(f"{world.web.url}/account")
    assert "content-encoding" not in others.value.headers
    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()


def test_without_the_worker_as_before(world: World) -> None:
    number = world.charger.start(world.cast.ada.id_tag)
    page = world.sign_in(world.cast.ada, service_workers="block")
    page.goto(f"/sessions/{number}")
    expect(page.locator("#stream")).to_have_attribute("data-status", "live")
    assert page.evaluate(CACHES) == []


def shows_nothing(page: Page, *paths: str) -> None:
    go_offline(page.context)
    for path in paths:
        page.goto(path)
        expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    page.goto("about:blank")  # else the page comes back by itself at any moment
    page.context.set_offline(False)
    page.goto("/sign-in")


def fill_in(page: Page, person: Person) -> None:
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "sign-in" not in url)
