"""No account and no network uses up the streams of a process, and nobody loses the only one that they have."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from polaris.domain.enums import Role
from polaris.push.hub import Hub
from polaris.push.open_streams import MAX_TOPICS_PER_ACCOUNT
from polaris.web.account.topic import AccountTopic
from polaris.web.sessions.listed import Wanted
from polaris.web.sessions.topic import SessionsTopic
from tests.support import forms
from tests.support.cast import Cast
from tests.support.pages import Open, StreamClient, direct, relayed
from tests.support.wait import eventually

pytestmark = pytest.mark.parametrize("open_", [direct, relayed], indirect=True)

PER_ACCOUNT, PER_ADDRESS = 3, 5


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(STREAMS_PER_ACCOUNT=str(PER_ACCOUNT), STREAMS_PER_ADDRESS=str(PER_ADDRESS), HEARTBEAT_S="0.5")


def is_displaced(page: StreamClient) -> bool:
    assert page.ends()
    return page.heard[-1] == "displaced"


def all_open(pages: list[StreamClient]) -> bool:
    return all(page.hears("heartbeat") and not page.is_over for page in pages)


def test_oldest_stream_of_account_yields(hub: Hub, open_: Open, people: Cast) -> None:
    pages = [open_(AccountTopic(people.ada.id), people.ada) for _ in range(PER_ACCOUNT)]
    for _ in range(3):
        pages.append(open_(AccountTopic(people.ada.id), people.ada))
        assert is_displaced(pages.pop(0))
    assert all_open(pages)
    assert len(hub._poller) == PER_ACCOUNT


def test_device_that_opens_many_displaces_its_own(hub: Hub, open_: Open, people: Cast) -> None:
    phone = open_(AccountTopic(people.ada.id), people.ada, sign_in_id="phone")
    greedy = [open_(AccountTopic(people.ada.id), people.ada, sign_in_id="greedy") for _ in range(PER_ACCOUNT * 2)]
    assert all(map(is_displaced, greedy[: -PER_ACCOUNT + 1]))
    assert all_open([phone, *greedy[-PER_ACCOUNT + 1 :]])
    laptop = open_(AccountTopic(people.ada.id), people.ada, sign_in_id="laptop")
    assert is_displaced(greedy[-2])
    assert all_open([phone, greedy[-1], laptop])


def test_device_that_follows_much_displaces_its_own(hub: Hub, open_: Open, people: Cast) -> None:
    phone = open_(AccountTopic(people.ada.id), people.ada, sign_in_id="phone")
    many = [
        SessionsTopic(people.ada.id, Wanted.of_owner(people.ada.id, {"before": str(before)}))
        for before in range(1, MAX_TOPICS_PER_ACCOUNT + 1)
    ]
    halves = many[::2], many[1::2]
    greedy = [open_(first, people.ada, others=others, sign_in_id="greedy") for first, *others in halves]
    assert is_displaced(greedy[0])
    assert all_open([phone, greedy[1]])
    assert len(hub._poller) == 2
    same = open_(halves[1][0], people.ada, others=halves[1][1:], sign_in_id="tablet")  # read and rendered once for both
    assert all_open([phone, greedy[1], same])


def test_account_that_opens_many_displaces_its_own(hub: Hub, open_: Open, people: Cast) -> None:
    ben = open_(AccountTopic(people.ben.id), people.ben)
    adas = [open_(AccountTopic(people.ada.id), people.ada) for _ in range(PER_ACCOUNT)]
    olga = open_(AccountTopic(people.olga.id), people.olga, role=Role.OPERATOR)
    assert all_open([ben, *adas, olga])
    other = open_(AccountTopic(people.olga.id), people.olga, role=Role.OPERATOR)  # of the same address, which is full
    assert is_displaced(adas.pop(0))
    assert all_open([ben, *adas, olga, other])


def test_no_war_between_two(hub: Hub, open_: Open, people: Cast, app: Flask) -> None:
    """A displaced browser asks for a free place and never takes one."""
    pages = [open_(AccountTopic(people.ada.id), people.ada) for _ in range(PER_ACCOUNT)]
    app.blueprints["live"]._hub = hub  # type: ignore[attr-defined]  # the routes' own is another
    client = app.test_client()
    forms.sign_in(client, people.ada)
    assert client.get("/live/?topic=/live/account&if_room=1").status_code == 429
    assert all_open(pages)
    pages[0].close()
    eventually(lambda: len(hub._poller) < PER_ACCOUNT)
    assert client.head("/live/?topic=/live/account&if_room=1").status_code == 200
