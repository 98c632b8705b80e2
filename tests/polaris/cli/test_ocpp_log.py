"""The commands on the log of frames: a charger's part of it, from an instant on, and every refusal in one sentence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from polaris.ocpp_log.files import IN
from tests.support.cast import Cast
from tests.support.frames import FrameLog

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask, cast: Cast) -> Run:
    def run(*arguments: str) -> Result:
        return app.test_cli_runner().invoke(args=["frames", "export", *arguments])

    return run


@pytest.fixture
def log(settings: dict[str, str]) -> FrameLog:
    """An hour ago a card was shown, a moment ago another; another charger spoke, too."""
    directory = Path(settings["FRAMES_DIR"])
    log = FrameLog(directory, "depot-7")
    hour_ago_us = time.time_ns() // 1000 - 3_600_000_000
    log.write(IN, json.dumps([2, "1", "Authorize", {"idTag": "ADA-0000001"}]), at_us=hour_ago_us)
    log.said("Authorize", {"idTag": "BEN-0000001"}, {"idTagInfo": {"status": "Accepted"}})
    FrameLog(directory, "depot-70").said("Heartbeat", {})
    return log


def test_export_with_stand_ins(run: Run, log: FrameLog, tmp_path: Path) -> None:
    file = tmp_path / "charger.jsonl"
    assert run("--charger", "depot-7", "--out", str(file)).output == f"4 lines were written to {file}.\n"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["direction"] for line in lines] == ["open", "in", "in", "out"]
    assert "STAND-IN-1" in lines[1]["frame"]
    assert "STAND-IN-2" in lines[2]["frame"]
    assert lines[2]["offset_s"] > 3000
    assert "ADA" not in file.read_text()
    assert "Heartbeat" not in file.read_text()


def test_export_since(run: Run, log: FrameLog) -> None:
    half_an_hour_ago = datetime.now(UTC) - timedelta(minutes=30)
    for since in (f"{half_an_hour_ago:%Y-%m-%dT%H:%M}", half_an_hour_ago.astimezone().isoformat()):
        said = run("--charger", "depot-7", "--since", since).output
        assert len(said.splitlines()) == 3
        assert "STAND-IN-1" in said
        assert "STAND-IN-2" not in said
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    refused = run("--charger", "depot-7", "--since", tomorrow)
    assert refused.output == "Error: The log has no such frames of charger depot-7 (any more, or on this machine).\n"
    assert refused.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "directions"),
    [
        (["--kind", "authorize"], ["open", "in", "in", "out"]),
        (["--text", "BEN-0000001"], ["open", "in", "out"]),
        (["--direction", "from_charger", "--errors"], None),
        (["--direction", "to_charger"], None),
    ],
)
def test_filters(run: Run, log: FrameLog, arguments: list[str], directions: list[str] | None) -> None:
    result = run("--charger", "depot-7", *arguments)
    if directions is None:
        assert "The log has no such frames" in result.output
    else:
        assert [json.loads(line)["direction"] for line in result.output.splitlines()] == directions


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--charger", "nobody"], "There is no charger nobody."),
        (["4711"], "There is no session 4711."),
        ([], "Name a session or, with --charger, a charger."),
        (["1", "--charger", "depot-7"], "Name a session or, with --charger, a charger."),
        (["1", "--since", "2026-01-01"], "--since and the filters go with --charger"),
        (["--charger", "depot-7", "--since", "yesterday"], "'yesterday' is no instant"),
    ],
)
def test_refusals_are_one_sentence(run: Run, log: FrameLog, arguments: list[str], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_listed(app: Flask, log: FrameLog) -> None:
    def listed(*arguments: str) -> list[str]:
        result = app.test_cli_runner().invoke(args=["frames", "list", "depot-7", *arguments])
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    log.write(IN, "\x1b[31m" + "x" * 500)
    evil, newest, oldest = listed()
    assert "\x1b" not in evil
    assert len(evil) < 400
    assert '-> [3, "' in newest
    assert "from_charger" in oldest
    assert listed("--errors") == [evil]
    assert listed("--text", "ben-0000001") == [newest]
    assert listed("--text", "nowhere") == ["No message matches."]
    first, older = listed("--limit", "1")
    assert first == evil
    assert listed("--limit", "5", *older.removeprefix("There are older ones: ").split()) == [newest, oldest]


def test_no_log_to_list(app: Flask, cast: Cast) -> None:
    result = app.test_cli_runner().invoke(args=["frames", "list", "depot-7"])
    assert result.output == "Error: There is no log of chargers' messages on this machine.\n"
