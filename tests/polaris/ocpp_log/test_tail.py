"""The newest lines of a charger: found at the end of the log and followed, within bounds, whatever the log does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from polaris.ocpp_log import blocks, tail
from polaris.ocpp_log.files import IN, Line, LogFiles
from polaris.ocpp_log.tail import Tail, Tails, Unavailable

START_US = 1_795_000_000_000_000
SECOND_US = 1_000_000


def line(number: int, identity: str = "depot-7", frame: str = "") -> Line:
    return Line(START_US + number * SECOND_US, identity, "1", IN, frame or f"frame {number}")


def numbers(found: Tail) -> list[int]:
    return [(one.at_us - START_US) // SECOND_US for one in found.lines]


def log(directory: Path, owner: str = "a", max_bytes: int = 64_000_000) -> LogFiles:
    return LogFiles(directory, owner, max_bytes=max_bytes, max_age_s=3600)


def test_newest_lines_then_followed(tmp_path: Path) -> None:
    segments, tails = log(tmp_path), Tails(tmp_path)
    segments.write([line(number, f"depot-{number % 10}") for number in range(5000)])
    assert numbers(tails.of("depot-7")) == list(range(4997 - 10 * (tail.MAX_LINES - 1), 5000, 10))
    for number in range(5000, 5400, 10):
        segments.write([line(number), line(number, "depot-70")])
        assert numbers(tails.of("depot-7"))[-1] == number
        assert len(tails.of("depot-7").lines) == tail.MAX_LINES
    assert tails.of("depot-7") == Tails(tmp_path).of("depot-7")


def test_own_lines_only(tmp_path: Path) -> None:
    frame = json.dumps([2, "1", "X", {"a": [1, "depot-7", "1"]}])
    log(tmp_path).write([line(1, "depot-70", frame), line(2, 'depot-7","1"', frame), line(3), line(4, "DEPOT-7")])
    assert numbers(Tails(tmp_path).of("depot-7")) == [3]


def test_lines_of_several_bridges_merged(tmp_path: Path) -> None:
    one, other, tails = log(tmp_path, "a"), log(tmp_path, "b"), Tails(tmp_path)
    for number in range(0, 200, 2):
        one.write([line(number)])
        other.write([line(number + 1)])
    assert numbers(tails.of("depot-7")) == list(range(200 - tail.MAX_LINES, 200))
    one.write([line(201)])
    other.write([line(200)])
    assert numbers(tails.of("depot-7"))[-3:] == [199, 200, 201]


def test_segments_rotate_while_followed(tmp_path: Path) -> None:
    segments, tails = log(tmp_path, max_bytes=160_000), Tails(tmp_path)
    for number in range(3000):
        segments.write([line(number, frame="x" * 100)])
        if number % 100 == 0:
            assert numbers(tails.of("depot-7"))[-1] == number
    assert numbers(tails.of("depot-7")) == list(range(3000 - tail.MAX_LINES, 3000))


def test_partial_line_waits(tmp_path: Path) -> None:
    segments, tails = log(tmp_path), Tails(tmp_path)
    segments.write([line(1)])
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes().replace(b"frame 1", b"frame 2")
    for followed in (Tails(tmp_path), tails):
        assert numbers(followed.of("depot-7")) == [1]
    path.write_bytes(path.read_bytes() + whole[:30])
    assert [one.frame for one in tails.of("depot-7").lines] == ["frame 1"]
    searched = Tails(tmp_path)
    assert [one.frame for one in searched.of("depot-7").lines] == ["frame 1"]
    path.write_bytes(path.read_bytes() + whole[30:])
    for followed in (searched, tails):
        assert [one.frame for one in followed.of("depot-7").lines] == ["frame 1", "frame 2"]


def test_search_bounded_and_reports_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MAX_SEARCHED_BYTES", 300_000)
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 100_000)
    segments = log(tmp_path)
    segments.write([line(0)])
    segments.write([line(number, "busy", "x" * 1000) for number in range(1, 1000)])
    found = Tails(tmp_path).of("depot-7")
    assert found.lines == ()
    assert found.searched_from_us is not None
    assert 500 < (found.searched_from_us - START_US) // SECOND_US < 800
    monkeypatch.setattr(tail, "MAX_SEARCHED_BYTES", 3_000_000)
    assert numbers(Tails(tmp_path).of("depot-7")) == [0]
    assert Tails(tmp_path).of("depot-7").searched_from_us is None


def test_quiet_charger_found_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MAX_SEARCHED_BYTES", 300_000)
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 20_000)
    segments = log(tmp_path)
    segments.write([line(number, "busy", "x" * 1000) for number in range(500)])
    segments.write([line(500)])
    segments.write([line(number, "busy", "x" * 1000) for number in range(501, 3000)])
    tails = Tails(tmp_path)
    assert Tails(tmp_path).of("depot-7").lines == ()
    assert numbers(tails.of("depot-7", START_US + 501 * SECOND_US)) == [500]
    segments.write([line(3000)])
    assert numbers(tails.of("depot-7")) == [500, 3000]  # it is back


def test_kept_lines_bounded(tmp_path: Path) -> None:
    segments, tails = log(tmp_path), Tails(tmp_path)
    segments.write([line(number, frame="x" * 50_000) for number in range(100)])
    found = tails.of("depot-7")
    assert {len(one.frame) for one in found.lines} == {blocks.MAX_FRAME_LENGTH}
    assert sum(len(one.frame) for one in found.lines) <= tail.MAX_CHARACTERS
    for number in range(100):
        tails.of(f"depot-{number}")
    assert len(tails._followed) == tail.MAX_FOLLOWED


def test_overgrown_log_searched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MAX_APPENDED_BYTES", 10_000)
    segments, tails = log(tmp_path), Tails(tmp_path)
    segments.write([line(0)])
    assert numbers(tails.of("depot-7")) == [0]
    segments.write([line(number) for number in range(1, 1000)])
    assert numbers(tails.of("depot-7")) == list(range(1000 - tail.MAX_LINES, 1000))


def test_missing_log_is_not_empty(tmp_path: Path) -> None:
    for nowhere in (None, tmp_path / "nowhere", tmp_path / "file"):
        (tmp_path / "file").write_text("")
        with pytest.raises(Unavailable):
            Tails(nowhere).of("depot-7")
    assert Tails(tmp_path).of("depot-7") == Tail()
