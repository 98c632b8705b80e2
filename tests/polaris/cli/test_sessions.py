"""`session`: operators see which sessions have no known energy, and set it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask

from polaris.models import AuditEntry, ChargingSession, EnergyCorrection
from tests.support.cast import Cast, now
from tests.support.charging import Charging

pytestmark = [pytest.mark.both_databases, pytest.mark.field(107)]

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *arguments: app.test_cli_runner().invoke(args=["session", *map(str, arguments)])


@pytest.fixture
def ended(charging: Charging, cast: Cast) -> int:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 5200)
    return number


def corrections() -> list[tuple[int | None, int | None, str, str, str]]:
    rows = EnergyCorrection.select().order_by(EnergyCorrection.id)
    return [(row.before_wh, row.after_wh, row.kind, row.actor, row.why) for row in rows]


def test_set_and_clear(run: Run, ended: int) -> None:
    revision = ChargingSession.get().revision
    answer = run("set-energy", ended, "11.1", "--why", " the main meter ")
    assert (answer.exit_code, answer.output) == (0, f"Session {ended}: 4.20 kWh before, 11.10 kWh now.\n")
    row = ChargingSession.get()
    assert (row.energy_wh, row.decided_wh, row.revision) == (4200, 11_100, revision + 1)
    assert run("set-energy", ended, 12, "--why", "once more").exit_code == 0
    answer = run("set-energy", ended, "--clear", "--why", "a slip")
    assert (answer.exit_code, answer.output) == (0, f"Session {ended}: 12.00 kWh before, 4.20 kWh now.\n")
    assert ChargingSession.get().decided_wh is None
    assert corrections() == [
        (4200, 11_100, "set", "command line", "the main meter"),
        (11_100, 12_000, "set", "command line", "once more"),
        (12_000, 4200, "set", "command line", "a slip"),
    ]
    audited = [(row.target, row.detail) for row in AuditEntry.select().where(AuditEntry.action == "session.energy_set")]
    assert audited[0] == (f"session {ended}", "4200 Wh to 11100 Wh: the main meter")
    assert len(audited) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("10000.001",), "10000.001 is not a figure from 0 to 10000 kWh with at most three decimals."),
        (("0.0001",), "0.0001 is not a figure from 0 to 10000 kWh with at most three decimals."),
        (("1e1000000",), "is not a figure from 0 to 10000 kWh"),
        (("1e-1000000",), "is not a figure from 0 to 10000 kWh"),
        (("NaN",), "NaN is not a figure"),
        (("Infinity",), "Infinity is not a figure"),
        (("a lot",), "'a lot' is not a number"),
        (("--", "-1"), "-1 is not a figure"),
        ((), "Give either a figure in kWh or --clear."),
        (("1", "--clear"), "Give either a figure in kWh or --clear."),
        (("--clear",), "No figure is set for session"),
    ],
)
def test_wrong_figures_refused(run: Run, ended: int, arguments: tuple[str, ...], words: str) -> None:
    answer = run("set-energy", "--why", "because", ended, *arguments)
    assert answer.exit_code != 0
    assert words in answer.output
    assert ChargingSession.get().decided_wh is None
    assert corrections() == []


@pytest.mark.parametrize("why", ["", "  ", "two\nlines", "x" * 201])
def test_reason_required(run: Run, ended: int, why: str) -> None:
    answer = run("set-energy", ended, 1, "--why", why)
    assert (answer.exit_code, answer.output) == (1, "Error: --why takes 1 to 200 characters on one line.\n")
    assert "Missing option '--why'" in run("set-energy", ended, 1).output
    assert corrections() == []


def test_other_sessions_refused(run: Run, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    running = run("set-energy", number, 1, "--why", "too early")
    assert running.output == f"Error: Session {number} is still in progress: its energy can be set once it has ended.\n"
    assert run("set-energy", 4711, 1, "--why", "typo").output == "Error: There is no session 4711.\n"
    assert run("set-energy", 2**31, 1, "--why", "typo").exit_code == 2
    assert ChargingSession.get().decided_wh is None


def test_doubtful_listed_until_set(run: Run, ended: int, charging: Charging, cast: Cast) -> None:
    assert run("doubtful").output == "The energy of every ended session is known.\n"
    later = charging.start(cast.ben.id_tag)
    ChargingSession.update(energy_wh=None).execute()  # the later one still runs
    day = f"{now():%Y-%m-%d}"
    first, *_, last = run("doubtful").output.splitlines()
    assert first.startswith(f"Session {ended}, depot-7 connector 1, {day} ")
    assert first.endswith(": energy not known")
    assert last == f"Set a figure with: flask --app app session set-energy {ended} KWH --why TEXT"
    ChargingSession.update(energy_wh=0).where(ChargingSession.number == later).execute()
    charging.end(later, 2000)
    ChargingSession.update(energy_wh=None).execute()
    assert [line.split(",")[0] for line in run("doubtful").output.splitlines()[:2]] == [
        f"Session {later}",
        f"Session {ended}",
    ]
    assert "energy not known before, 0.00 kWh now" in run("set-energy", later, 0, "--why", "nothing flowed").output
    assert f"Session {later}," not in run("doubtful").output


def test_stuck_without_known_energy(run: Run, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.status("Available")
    ChargingSession.update(energy_wh=None).execute()
    assert f"Session {number}, depot-7 connector 1, energy not known since " in run("stuck").output
