"""What Polaris keeps is its user's alone, under any umask; what an earlier version left open is closed, and said."""

from __future__ import annotations

import logging
import shlex
import stat
from pathlib import Path

import pytest

from dev.settings import prepare
from polaris import private_file
from tests.support.cast import Cast, everybody
from tests.support.processes import Processes, procfile
from tests.support.wait import eventually
from tests.system.world import ChargerInTown


@pytest.fixture
def cast(database: None, config) -> Cast:
    return everybody(config)


def test_private_under_any_umask(tmp_path: Path, processes: Processes, settings: dict[str, str]) -> None:
    """From a database that does not exist yet."""
    directory = tmp_path / "site"
    paths = {"DATABASE_URL": f"sqlite:///{directory / 'data' / 'polaris.db'}", "FRAMES_DIR": str(directory / "frames")}
    migrated = processes.start("release", without_umask("release"), **paths)
    assert migrated.wait() == 0, migrated.log_text()
    health = f"http://127.0.0.1:{settings['OCPP_HEALTH_PORT']}/readyz"
    processes.start("bridge", without_umask("bridge"), health_url=health, **paths)
    processes.start("web", without_umask("web"), health_url=f"http://127.0.0.1:{settings['PORT']}/readyz", **paths)
    kept = sorted(path.name for path in (directory / "data").iterdir())
    assert {"polaris.db", "polaris.db-wal", "polaris.db-shm", "polaris.db-turn"} <= set(kept)
    assert open_to_others(directory) == []


def test_opened_files_are_closed_and_said(
    tmp_path: Path, processes: Processes, settings: dict[str, str], cast: Cast
) -> None:
    bridge = processes.bridge()
    charger = ChargerInTown(bridge.url, cast.depot_7.identity, cast.depot_7.key)
    charger.connect()
    frames = Path(settings["FRAMES_DIR"])
    segment = eventually(lambda: next(iter(frames.glob("*.jsonl")), None))
    charger.close()
    bridge.stop()
    for path in (tmp_path / "polaris.db", segment):
        path.chmod(0o644)
    frames.chmod(0o755)
    again = processes.bridge()
    for path in (tmp_path / "polaris.db", segment, frames):
        assert stat.S_IMODE(path.stat().st_mode) & private_file.OTHERS == 0
        assert f"{path} was open to other users" in again.log_text()


def test_run_closes_its_directory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    var = tmp_path / "var"
    prepare({"POLARIS_VAR": str(var)})
    assert open_to_others(var) == []
    var.chmod(0o755)
    (var / "secrets.env").chmod(0o644)
    with caplog.at_level(logging.WARNING):
        prepare({"POLARIS_VAR": str(var)})
    assert open_to_others(var) == []
    assert [str(var) in record.message for record in caplog.records] == [True, True]


def without_umask(name: str) -> list[str]:
    return ["sh", "-c", f"umask 0; exec {shlex.join(procfile(name))}"]


def open_to_others(directory: Path) -> list[str]:
    paths = [directory, *directory.rglob("*")]
    return [str(path) for path in paths if stat.S_IMODE(path.stat().st_mode) & private_file.OTHERS]
