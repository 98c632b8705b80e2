"""What an audience is sent: a deferred fragment if it shows something else, its parts alone if only they do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from polaris.domain.enums import AccountStatus, Role
from polaris.domain.viewer import Viewer
from polaris.push.subscribers import Audience, Subscription
from polaris.push.topic import Topic
from polaris.rendering.fragments import Deferred, in_place


@pytest.fixture
def audience() -> Audience:
    return Audience(Subscription(1, Topic()), Viewer(Role.DRIVER, AccountStatus.ACTIVE))


def never() -> str:
    raise AssertionError("rendered, and not sent")


def words(text: str) -> Callable[[], str]:
    return lambda: text


def test_same_mark_is_not_rendered(audience: Audience) -> None:
    assert audience.show({"a": Deferred(1, words("first"))}, is_whole=True) == {"a": "first"}
    assert audience.show({"a": Deferred(1, never)}, is_whole=True) == {}
    assert audience.show({"a": Deferred(2, words("second"))}, is_whole=True) == {"a": "second"}


def test_news_are_sent_again(audience: Audience) -> None:
    fragments = {"a": Deferred(1, words("first")), "b": "text"}
    audience.show(fragments, is_whole=True)
    assert audience.show(fragments, is_whole=True, is_news=True) == {"a": "first"}


def test_changed_part_is_sent_alone(audience: Audience) -> None:
    audience.show({"a": Deferred(1, words("whole"), {"p": Deferred(1, never), "q": Deferred(1, never)})}, is_whole=True)
    parts = {"p": Deferred(2, words("part")), "q": Deferred(1, never)}
    assert audience.show({"a": Deferred(1, never, parts)}, is_whole=True) == {"p": "part"}


def test_changed_whole_comes_with_its_parts(audience: Audience) -> None:
    audience.show({"a": Deferred(1, words("whole"), {"p": Deferred(1, never)})}, is_whole=True)
    assert audience.show({"a": Deferred(2, words("new"), {"p": Deferred(2, never)})}, is_whole=True) == {"a": "new"}
    assert audience.show({"a": Deferred(2, never, {"p": Deferred(2, never)})}, is_whole=True) == {}


def test_growth_is_sent_to_those_it_follows_on(audience: Audience) -> None:
    def grown(mark: int, before: int) -> dict[str, Deferred]:
        return {"list": Deferred(mark, words(f"all {mark}"), grown=(before, words(f"new {mark}")))}

    assert audience.show(grown(1, 0), is_whole=True) == {"list": "all 1"}
    for mark, before, sent in ((2, 1, "all 2"), (3, 2, "all 3")):
        assert audience.show({"a": Deferred(mark, words(sent), grown(mark, before))}, is_whole=True) == {"a": sent}
    assert audience.show({"a": Deferred(3, never, grown(4, 3))}, is_whole=True) == {"list": "new 4"}
    assert audience.show({"a": Deferred(3, never, grown(6, 5))}, is_whole=True) == {"list": "all 6"}


def test_failed_rendering_is_not_taken_for_shown(audience: Audience) -> None:
    with pytest.raises(AssertionError):
        audience.show({"a": Deferred(1, never)}, is_whole=True)
    assert audience.show({"a": Deferred(1, words("first"))}, is_whole=True) == {"a": "first"}


def test_rendered_once_for_all_viewers() -> None:
    made: list[str] = []
    fragment = Deferred(1, lambda: made.append("") or "html")
    assert in_place({"a": fragment}) == in_place({"a": fragment})
    assert len(made) == 1
