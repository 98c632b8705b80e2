"""What `make chaos` can be asked for, the seed that repeats a run, and the report of what was done."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.ocpp_bridge.conftest import depot, own_depot, pytest_pyfunc_call, shared_bridge  # noqa: F401 - of this room too
from tests.support.postgres import Postgres

KILLS, FRAMES, DAY_S, MAX_SEED = 32, 3_000, 300.0, 2**32 - 1


@dataclass(frozen=True)
class Asked:
    """How much chaos, and its seed."""

    kills: int
    frames: int
    day_s: float
    seed: int


ASKED = pytest.StashKey[Asked]()
REPORT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=KILLS, help="how often something is killed, over all databases")
    parser.addoption("--frames", type=int, default=FRAMES, help="how many frames the fuzzer sends")
    parser.addoption("--day", type=float, default=DAY_S, help="how many seconds the bad day has")
    parser.addoption("--seed", type=int, default=None, help="repeat the run of this seed, as far as timing lets it")


def pytest_configure(config: pytest.Config) -> None:
    seed = config.getoption("--seed")
    seed = random.randint(0, MAX_SEED) if seed is None else seed
    config.stash[ASKED] = Asked(
        config.getoption("--kills"), config.getoption("--frames"), config.getoption("--day"), seed
    )
    config.stash[REPORT] = []


def pytest_report_header(config: pytest.Config) -> str:
    asked = config.stash[ASKED]
    return f"chaos: {asked.kills} kills, {asked.frames} frames, a day of {asked.day_s:.0f} s, --seed {asked.seed}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is asked for takes its time: 30 s for a kill and 50 frames a second are far from the usual."""
    asked = config.stash[ASKED]
    for item in items:
        item.add_marker(pytest.mark.timeout(180 + 30 * asked.kills + asked.frames / 50 + 2 * asked.day_s))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[REPORT]:
        terminalreporter.write_line(f"chaos: {line}")


@pytest.fixture
def asked(pytestconfig: pytest.Config) -> Asked:
    return pytestconfig.stash[ASKED]


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Add a line to what is said at the end of the run."""
    return pytestconfig.stash[REPORT].append


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One that writes to the disk before it says so."""
    server = Postgres(is_durable=True)
    yield server
    server.close()
