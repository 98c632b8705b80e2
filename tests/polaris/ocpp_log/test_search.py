"""The search for messages: by kind, direction, outcome and text, older ones by an instant, and within bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polaris.ocpp_log import blocks, search
from polaris.ocpp_log.exchange import REACH
from polaris.ocpp_log.files import CLOSE, IN, OPEN, OUT, Line, LogFiles
from polaris.ocpp_log.filter import MessageFilter
from polaris.ocpp_log.search import Page
from polaris.ocpp_log.tail import Unavailable

START_US = 1_795_000_000_000_000
SECOND_US = 1_000_000
ANY = MessageFilter()


def log(directory: Path, owner: str = "a", max_bytes: int = 64_000_000) -> LogFiles:
    return LogFiles(directory, owner, max_bytes=max_bytes, max_age_s=3600)


def line(second: float, frame: str, direction: str = IN, identity: str = "depot-7") -> Line:
    return Line(START_US + int(second * SECOND_US), identity, "1", direction, frame)


def called(second: float, action: str, payload: dict[str, Any], answer: dict[str, Any] | None = None) -> list[Line]:
    """A call of the charger's, and its answer half a second later."""
    lines = [line(second, json.dumps([2, f"m{second}", action, payload]))]
    return lines if answer is None else [*lines, line(second + 0.5, json.dumps([3, f"m{second}", answer]), OUT)]


def seconds(page: Page) -> list[int]:
    return [(row.at_us - START_US) // SECOND_US for row in page.rows]


def find(directory: Path, wanted: MessageFilter = ANY, rows: int = 50, before_us: int | None = None) -> Page:
    return search.search(directory, "depot-7", wanted, rows, before_us)


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    log(tmp_path).write(
        [
            line(0, "ocpp1.6", OPEN),
            *called(1, "Heartbeat", {}, {"currentTime": "x"}),
            *called(2, "Authorize", {"idTag": "ÄDA"}, {"idTagInfo": {"status": "Invalid"}}),
            line(3, json.dumps([2, "r", "Reset", {"type": "Soft"}]), OUT),
            line(3.5, json.dumps([3, "r", {"status": "Rejected"}]), IN),
            line(4, "nonsense <b>"),
            *called(5, "StatusNotification", {"status": "Faulted", "info": "relay"}, {}),
            line(6, json.dumps([3, "nobody asked", {}])),
            line(7, "", CLOSE),
            line(8, json.dumps([2, "x", "Heartbeat", {}]), IN, "depot-70"),
        ]
    )
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [7, 6, 5, 4, 3, 2, 1, 0]),
        ({"action": "heartbeat"}, [1]),
        ({"action": "Heart"}, []),
        ({"direction": "to_charger"}, [3]),
        ({"direction": "from_charger"}, [6, 5, 4, 2, 1]),
        ({"direction": "connection"}, [7, 0]),
        ({"direction": "sideways", "bad": "perhaps"}, []),  # it is not understood
        ({"bad": "1"}, [5, 4, 3, 2]),
        ({"bad": "1", "direction": "from_charger", "action": "Authorize"}, [2]),
        ({"text": " RELAY "}, [5]),
        ({"text": "rejected"}, [3]),  # of its answer
        ({"text": "<b>"}, [4]),
    ],
)
def test_filters(everything: Path, wanted: dict[str, str], found: list[int]) -> None:
    page = find(everything, MessageFilter.of(wanted))
    assert seconds(page) == found
    assert (page.next_us, page.is_cut_short) == (None, False)
    assert MessageFilter.of(MessageFilter.of(wanted).parameters()) == MessageFilter.of(wanted)


def test_answers_are_with_their_calls(everything: Path) -> None:
    answers = {row.message.action: row.answer for row in find(everything).rows if row.message is not None}
    assert answers["Reset"] is not None
    assert answers["Heartbeat"] is not None


def test_pages_have_each_message_once(tmp_path: Path) -> None:
    """Whichever bridge wrote it, and wherever a page ends: also between a call and its answer."""
    bridges = [log(tmp_path, owner, max_bytes=200_000) for owner in "abc"]
    for second in range(300):
        bridges[second % 3].write(called(second, "Heartbeat", {"n": second}, {}))
        bridges[second % 2].write([line(second, "x" * 300, identity="busy")])
    found: list[int] = []
    before_us, pages = None, 0
    while True:
        page = find(tmp_path, rows=7, before_us=before_us)
        assert all(row.answer is not None for row in page.rows)
        found += seconds(page)
        pages += 1
        if page.next_us is None:
            break
        before_us = page.next_us
    assert found == list(range(299, -1, -1))
    assert pages == 43


def test_equal_instants_are_on_one_page(tmp_path: Path) -> None:
    log(tmp_path).write([line(second // 3, f"frame {second}") for second in range(9)])
    page = find(tmp_path, rows=2)
    assert seconds(page) == [2, 2, 2]
    assert len({row.key for row in page.rows}) == 3
    assert page.next_us is not None
    assert seconds(find(tmp_path, rows=2, before_us=page.next_us)) == [1, 1, 1]


def test_bound_says_how_far_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each search goes further back than the last one, until the log's beginning."""
    monkeypatch.setattr(search, "MAX_SEARCHED_BYTES", 300_000)
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 50_000)
    bridges = [log(tmp_path, owner) for owner in "ab"]
    bridges[0].write(called(0, "BootNotification", {}))
    for second in range(1, 3000):
        bridges[second % 2].write([line(second, "x" * 1000, identity="busy")])
    before_us: int | None = None
    reached: list[int] = []
    while not (page := find(tmp_path, MessageFilter(action="BootNotification"), before_us=before_us)).rows:
        assert page.is_cut_short
        assert page.next_us is not None
        reached.append(page.next_us)
        before_us = page.next_us
    assert reached == sorted(reached, reverse=True)
    assert 5 < len(reached) < 15
    assert seconds(page) == [0]


def test_bound_of_own_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_SEARCHED_LINES", 500)
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 10_000)
    log(tmp_path).write([line(second, "nonsense") for second in range(3000)])
    page = find(tmp_path, MessageFilter(text="nowhere"))
    assert page.is_cut_short
    assert page.next_us is not None
    assert 2000 < (page.next_us - START_US) // SECOND_US < 2600


def test_long_frames_are_searched_whole_and_kept_in_part(tmp_path: Path) -> None:
    payload = {"configurationKey": [{"key": f"Key{number}", "value": "v"} for number in range(5000)]}
    log(tmp_path).write(
        [line(1, json.dumps([2, "g", "GetConfiguration", {}]), OUT), line(2, json.dumps([3, "g", payload]))]
    )
    page = find(tmp_path, MessageFilter(text="Key4999"))
    assert seconds(page) == [1]
    assert len(page.rows[0].answer_frame) == blocks.MAX_FRAME_LENGTH
    assert page.rows[0].message is not None


def test_frames_of_a_page_bounded(tmp_path: Path) -> None:
    log(tmp_path).write([line(second, "x" * 100_000) for second in range(200)])
    page = find(tmp_path, rows=500)
    assert sum(len(row.frame) for row in page.rows) < search.MAX_FRAMES_LENGTH + blocks.MAX_FRAME_LENGTH
    assert page.next_us == page.rows[-1].at_us


def test_answer_out_of_reach(tmp_path: Path) -> None:
    """An id that is used again belongs to the call before it, and what lies far apart is not put together."""
    flood = [line(10 + second, "nonsense") for second in range(REACH + 1)]
    log(tmp_path).write([*called(1, "Heartbeat", {}), *flood, line(300, json.dumps([3, "m1", {}]), OUT)])
    page = find(tmp_path, rows=500)
    assert page.rows[0].message is not None
    assert page.rows[-1].answer is None


def test_without_a_log(tmp_path: Path) -> None:
    for nowhere in (None, tmp_path / "nowhere"):
        with pytest.raises(Unavailable):
            search.search(nowhere, "depot-7", ANY, 50)
    assert find(tmp_path) == Page()
