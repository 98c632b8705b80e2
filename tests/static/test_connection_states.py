"""The states of a page's connection to its event stream: the table of static/js/connection_states.js in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

SOURCE = (Path(__file__).parents[2] / "static" / "js" / "connection_states.js").read_text()
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
OPENED = ("request", "lost", "opened", "failed", "message")  # as htmx reports a first request that succeeds


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.evaluate(LOAD, SOURCE)
    yield page
    page.close()


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (OPENED, [["connecting", None], ["connecting", None], ["open", None], ["open", None], ["live", None]]),
        (
            ("request", "failed", "retry", "request"),
            [["waiting", "retry-later"], ["waiting", "connect"], ["connecting", None]],
        ),
        ((*OPENED, "lost", "opened", "message"), [["reconnecting", None], ["open", None], ["live", None]]),
        ((*OPENED, "silent", "lost"), [["reconnecting", "drop"], ["reconnecting", None]]),
        ((*OPENED, "hurry", "lost"), [["hurrying", "drop"], ["reconnecting", "skip-delay"]]),
        ((*OPENED, "lost", "hurry", "lost"), [["hurrying", "skip-delay"], ["reconnecting", "skip-delay"]]),
        ((*OPENED, "offline", "message"), [["open", None], ["live", None]]),
        ((*OPENED, "ended", "hurry"), [["waiting", "retry-later"], ["waiting", "connect"]]),
        (("request", "silent", "hurry", "offline"), [["connecting", None]] * 3),
    ],
)
def test_a_history(page: Page, events: tuple[str, ...], expected: list[list[str | None]]) -> None:
    assert page.evaluate(RUN, list(events))[-len(expected) :] == expected


@pytest.mark.parametrize("state", ["waiting", "connecting", "open", "live", "reconnecting", "hurrying"])
def test_a_refusal_reloads_the_page_from_any_state(page: Page, state: str) -> None:
    refused = page.evaluate("(state) => states.transition(state, 'refused')", state)
    assert refused == {"state": "refused", "action": "reload"}


@pytest.mark.parametrize("state", ["refused", "removed"])
@pytest.mark.parametrize("event", ["request", "lost", "opened", "message", "hurry", "ended", "refused", "removed"])
def test_nothing_follows_the_end(page: Page, state: str, event: str) -> None:
    assert page.evaluate("(step) => states.transition(...step)", [state, event]) == {"state": state, "action": None}


def test_a_message_proves_any_connection_live(page: Page) -> None:
    for state in ("open", "reconnecting", "hurrying"):
        assert page.evaluate("(state) => states.transition(state, 'message').state", state) == "live"


def test_every_next_state_is_a_state(page: Page) -> None:
    reached = page.evaluate(
        """() => {
          const events = ["request", "failed", "retry", "hurry", "lost", "opened", "message", "silent", "offline"];
          const all = [...events, "ended", "refused", "removed"];
          return states.STATES.flatMap((state) => all.map((event) => states.transition(state, event).state));
        }"""
    )
    assert set(reached) == set(page.evaluate("states.STATES"))
