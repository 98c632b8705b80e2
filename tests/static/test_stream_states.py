"""The states of a browser's event stream: the table of static/js/stream_states.js in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

SOURCE = (Path(__file__).parents[2] / "static" / "js" / "stream_states.js").read_text()
LOAD = """async (source) => {
  window.states = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
}"""
RUN = """(events) => {
  let state = states.INITIAL;
  return events.map((event) => {
    const step = states.transition(state, event);
    state = step.state;
    return [state, step.action];
  });
}"""
OPENED = ("watch", "opened", "message")


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.evaluate(LOAD, SOURCE)
    yield page
    page.close()


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (OPENED, [["connecting", "connect"], ["open", None], ["live", None]]),
        (("watch", "failed", "retry"), [["waiting", "retry-later"], ["connecting", "connect"]]),
        ((*OPENED, "failed", "hurry"), [["waiting", "retry-later"], ["connecting", "connect"]]),
        ((*OPENED, "silent", "opened"), [["connecting", "connect"], ["open", None]]),
        ((*OPENED, "offline", "message"), [["open", None], ["live", None]]),
        ((*OPENED, "watch", "opened", "message"), [["switching", "connect"], ["switching", None], ["live", None]]),
        ((*OPENED, "watch", "failed"), [["switching", "connect"], ["waiting", "retry-later"]]),
        ((*OPENED, "unwatch", "message", "watch"), [["idle", "disconnect"], ["idle", None], ["connecting", "connect"]]),
        (("watch", "hurry", "silent", "offline"), [["connecting", None]] * 3),
    ],
)
def test_a_history(page: Page, events: tuple[str, ...], expected: list[list[str | None]]) -> None:
    assert page.evaluate(RUN, list(events))[-len(expected) :] == expected


def test_displaced_stream_asks_and_never_displaces(page: Page) -> None:
    """Two browsers would displace each other for ever. Only a page that somebody opens takes a place again."""
    history = page.evaluate(RUN, [*OPENED, "displaced", "hurry", "silent", "retry", "failed", "retry", "displaced"])
    assert {action for _, action in history[3:]} == {"ask-later", "ask", None}
    assert page.evaluate(RUN, [*OPENED, "displaced", "retry", "opened", "message"])[-1] == ["live", None]
    assert page.evaluate(RUN, [*OPENED, "displaced", "watch"])[-1] == ["connecting", "connect"]


def test_pages_stay_live_while_others_join(page: Page) -> None:
    live = page.evaluate("states.STATES.filter(states.isLive)")
    assert sorted(live) == ["live", "switching"]


def test_every_state_closes_without_pages(page: Page) -> None:
    for state in page.evaluate("states.STATES"):
        closed = page.evaluate("(state) => states.transition(state, 'unwatch')", state)
        assert closed == {"state": "idle", "action": None if state == "idle" else "disconnect"}


def test_every_state_is_reached_and_is_a_state(page: Page) -> None:
    reached = page.evaluate(
        """() => states.STATES.flatMap((from) => states.EVENTS.map((event) => states.transition(from, event).state))"""
    )
    assert set(reached) == set(page.evaluate("states.STATES"))


def test_reconnects_are_spread(page: Page) -> None:
    """The first over the interval that the server named, later ones by how long each has waited."""
    delays = page.evaluate(
        """[[500, 0], [500, 60000], [1000, 60000]].map(([retry, spread]) =>
             [0, 0.999].map((random) => Math.round(states.retryDelay(retry, spread, () => random))))"""
    )
    assert delays == [[250, 750], [250, 60_690], [500, 1499]]
