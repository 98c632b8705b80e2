"""`session`: operators see which sessions have no known energy, set it, and have figures made out again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from flask import Flask

from polaris.models import (
    AuditEntry,
    Charger,
    ChargingSession,
    EnergyCorrection,
    MeterReading,
    SessionNote,
    database,
)
from tests.support import forms
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
    answer = run("set-energy", ended, "11.1", "--reason", " the main meter ")
    assert (answer.exit_code, answer.output.partition(" That")[0]) == (
        0,
        f"Session {ended}: 4.20 kWh before, 11.10 kWh now.",
    )
    row = ChargingSession.get()
    assert (row.energy_wh, row.decided_wh, row.revision) == (4200, 11_100, revision + 1)
    assert run("set-energy", ended, 12, "--reason", "once more").exit_code == 0
    answer = run("set-energy", ended, "--clear", "--reason", "a slip")
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
        (("1e1000000",), "Energy in kWh: Type a number in digits alone"),
        (("1e-1000000",), "Energy in kWh: Type a number in digits alone"),
        (("NaN",), "Energy in kWh: Type a number with a point before its decimals"),
        (("Infinity",), "Energy in kWh: Type a number with a point before its decimals"),
        (("a lot",), "Energy in kWh: Type a number with a point before its decimals"),
        (("--", "-1"), "-1 is not a figure"),
        ((), "Give KWH, or --clear."),
        (("1", "--clear"), "Give KWH, or --clear."),
        (("--clear",), "No figure is set for session"),
    ],
)
def test_wrong_figures_refused(run: Run, ended: int, arguments: tuple[str, ...], words: str) -> None:
    answer = run("set-energy", "--reason", "because", ended, *arguments)
    assert answer.exit_code != 0
    assert words in answer.output
    assert ChargingSession.get().decided_wh is None
    assert corrections() == []


def test_figure_beyond_connector_refused(run: Run, ended: int) -> None:
    Charger.update(max_power_w=22_000).execute()
    hour = {"started_at": now() - timedelta(hours=1), "start_received_at": now() - timedelta(hours=1)}
    ChargingSession.update(ended_at=now(), end_received_at=now(), **hour).execute()
    answer = run("set-energy", ended, 24, "--reason", "main meter")
    assert answer.exit_code == 1
    assert answer.output == (
        f"Error: At 22 kW, the connector of session {ended} delivers at most 22.00 kWh in its time. Up to 23.73 kWh is "
        "taken, for clocks that are wrong by two minutes and meters that count whole kWh. 24 kWh is more. "
        "If it is right all the same, force it.\n"
    )
    assert ChargingSession.get().decided_wh is None
    assert corrections() == []
    within = run("set-energy", ended, "23.7", "--reason", "main meter")
    assert within.exit_code == 0
    assert "more than its connector delivers in that time, 22.00 kWh at 22 kW: make sure" in within.output
    assert "make sure" not in run("set-energy", ended, "21.9", "--reason", "main meter").output
    assert run("set-energy", ended, "23.7", "--reason", "main meter").exit_code == 0
    assert run("set-energy", ended, 24, "--reason", "main meter", "--force").exit_code == 0
    assert ChargingSession.get().decided_wh == 24_000
    details = [row.detail for row in AuditEntry.select().where(AuditEntry.action == "session.energy_set")]
    assert details[0] == "4200 Wh to 23700 Wh: main meter"
    assert re.fullmatch(r"23700 Wh to 24000 Wh, forced beyond 2373\d Wh: main meter", details[-1])
    assert "--force" in run("set-energy", "--help").output


def test_bound_is_taken_as_it_is_shown(run: Run, ended: int) -> None:
    Charger.update(max_power_w=22_010).execute()  # 7336 Wh in 20 minutes
    began = {"started_at": now() - timedelta(minutes=20), "start_received_at": now() - timedelta(minutes=20)}
    ChargingSession.update(ended_at=now(), end_received_at=now(), **began).execute()
    shown = re.search(r"that time, ([\d.]+) kWh", run("set-energy", ended, "7.4", "--reason", "main meter").output)
    assert shown is not None
    most = re.search(r"Up to ([\d.]+) kWh", run("set-energy", ended, "24", "--reason", "main meter").output)
    assert most is not None

    assert "make sure" not in run("set-energy", ended, shown[1], "--reason", "main meter").output
    assert run("set-energy", ended, most[1], "--reason", "main meter").exit_code == 0


def test_same_figure_is_set_once(run: Run, ended: int) -> None:
    assert run("set-energy", ended, "4.2", "--reason", "main meter").exit_code == 0  # the charger's own, but confirmed
    again = run("set-energy", ended, "4.200", "--reason", "another reason")
    assert (again.exit_code, again.output) == (0, "That is so already.\n")
    assert len(corrections()) == 1
    assert AuditEntry.select().where(AuditEntry.action == "session.energy_set").count() == 1


@pytest.mark.parametrize("why", ["", "  ", "two\nlines", "x" * 201])
def test_reason_required(run: Run, ended: int, why: str) -> None:
    answer = run("set-energy", ended, 1, "--reason", why)
    assert (answer.exit_code, answer.output) == (1, "Error: A reason has 1 to 200 characters on one line.\n")
    assert "Missing option '--reason'" in run("set-energy", ended, 1).output
    assert corrections() == []


def test_other_sessions_refused(run: Run, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    running = run("set-energy", number, 1, "--reason", "too early")
    assert running.output == f"Error: Session {number} is still in progress: its energy can be set once it has ended.\n"
    assert run("set-energy", 4711, 1, "--reason", "typo").output == "Error: There is no session 4711.\n"
    beyond = run("set-energy", 2**31, 1, "--reason", "typo")
    assert "Session: Type a whole number from 1 to 2147483647." in beyond.output
    assert ChargingSession.get().decided_wh is None


def test_doubtful_listed_until_set(run: Run, ended: int, charging: Charging, cast: Cast) -> None:
    assert run("doubtful").output == "The energy of every ended session is known.\n"
    later = charging.start(cast.ben.id_tag)
    ChargingSession.update(energy_wh=None).execute()  # the later one still runs
    day = f"{now():%Y-%m-%d}"
    first, *_, last = run("doubtful").output.splitlines()
    assert first.startswith(f"Session {ended}, depot-7 connector 1, {day} ")
    assert first.endswith(": energy not known")
    assert last == f"Set a figure with: flask --app app session set-energy {ended} KWH --reason TEXT"
    ChargingSession.update(energy_wh=0).where(ChargingSession.number == later).execute()
    charging.end(later, 2000)
    ChargingSession.update(energy_wh=None).execute()
    assert [line.split(",")[0] for line in run("doubtful").output.splitlines()[:2]] == [
        f"Session {later}",
        f"Session {ended}",
    ]
    assert "energy not known before, 0.00 kWh now" in run("set-energy", later, 0, "--reason", "nothing flowed").output
    assert f"Session {later}," not in run("doubtful").output


def test_stuck_without_known_energy(run: Run, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.status("Available")
    ChargingSession.update(energy_wh=None).execute()
    assert f"Session {number}, depot-7 connector 1, energy not known since " in run("stuck").output


# Figures made out again.

WRONG_WH = 1_992_832_000


@pytest.fixture
def wrong(ended: int) -> int:
    """A session as an older version left it."""
    ChargingSession.update(energy_wh=WRONG_WH, meter="").execute()
    SessionNote.create(session=ended, kind="final_doubted", at=now())
    return ended


def stored() -> tuple[object, ...]:
    rows = ChargingSession.select().dicts()
    return list(rows), corrections(), AuditEntry.select().count(), [row.kind for row in SessionNote.select()]


def test_wrong_figure_recomputed(run: Run, wrong: int, app: Flask, cast: Cast) -> None:
    revision = ChargingSession.get().revision
    answer = run("recompute", wrong)
    assert answer.exit_code == 0
    first, note, last = answer.output.splitlines()
    assert first == f"Session {wrong}: 1992832.00 kWh → 4.20 kWh"
    assert note == "  no longer noted: The final meter figure cannot be right, so it was not counted."
    assert last == "Sessions: 1. Other figure: 1, other notes alone: 0, as before: 0."
    row = ChargingSession.get()
    assert (row.energy_wh, row.revision) == (4200, revision + 1)
    assert corrections() == [(WRONG_WH, 4200, "recomputed", "command line", "")]
    (audited,) = AuditEntry.select().where(AuditEntry.action == "session.recomputed")
    assert (audited.actor, audited.target) == ("command line", f"session {wrong}")
    assert audited.detail == f"{WRONG_WH} Wh to 4200 Wh; notes removed: final_doubted"
    client = app.test_client()
    forms.sign_in(client, cast.ada)
    page = client.get(f"/sessions/{wrong}").text
    assert "kWh → 4.20 kWh (worked out again from its readings)" in page
    assert "cannot be right" not in page
    before = stored()
    again = run("recompute", wrong).output
    assert again.splitlines() == [
        f"Session {wrong}: 4.20 kWh as before",
        "Sessions: 1. Other figure: 0, other notes alone: 0, as before: 1.",
    ]
    assert stored() == before


@pytest.mark.parametrize("which", ["one", "all"])
def test_dry_run_writes_nothing(run: Run, wrong: int, which: str) -> None:
    before = stored()
    answer = run("recompute", wrong if which == "one" else "--all", "--dry-run")
    assert answer.exit_code == 0
    assert f"Session {wrong}: 1992832.00 kWh → 4.20 kWh" in answer.output
    assert answer.output.endswith("Nothing was written (--dry-run).\n")
    assert stored() == before


def test_notes_alone_recomputed(run: Run, ended: int) -> None:
    SessionNote.create(session=ended, kind="final_doubted", at=now())
    answer = run("recompute", "--all").output
    assert f"Session {ended}: 4.20 kWh as before\n  no longer noted: " in answer
    assert answer.endswith("Sessions: 1. Other figure: 0, other notes alone: 1, as before: 0.\n")
    assert corrections() == []
    assert AuditEntry.select().where(AuditEntry.action == "session.recomputed").count() == 1


def test_small_change_told_apart(run: Run, ended: int) -> None:
    ChargingSession.update(energy_wh=4201).execute()
    assert f"Session {ended}: 4.201 kWh → 4.200 kWh" in run("recompute", ended).output


def test_operator_figure_stays(run: Run, wrong: int) -> None:
    ChargingSession.update(decided_wh=12_000).execute()
    answer = run("recompute", wrong).output
    assert f"Session {wrong}: 1992832.00 kWh → 4.20 kWh; the operator's 12.00 kWh still counts" in answer
    row = ChargingSession.get()
    assert (row.energy_wh, row.decided_wh, row.effective_wh) == (4200, 12_000, 12_000)
    assert corrections() == []  # what counts is what it was
    assert AuditEntry.select().where(AuditEntry.action == "session.recomputed").exists()


def test_unknown_becomes_known_and_back(run: Run, ended: int) -> None:
    ChargingSession.update(energy_wh=None).execute()
    assert f"Session {ended}: not known → 4.20 kWh" in run("recompute", ended).output
    ChargingSession.update(meter_start_wh=9_000_000).execute()
    assert f"Session {ended}: 4.20 kWh → not known" in run("recompute", ended).output
    assert [row[:2] for row in corrections()] == [(None, 4200), (4200, None)]


def copies(number: int, count: int) -> None:
    """Store copies of a session with its readings."""
    row = ChargingSession.select().where(ChargingSession.number == number).dicts().get()
    readings = list(MeterReading.select().where(MeterReading.session == number).dicts())
    del row["number"]
    for reading in readings:
        del reading["id"]
    for index in range(count):
        copy = ChargingSession.create(**row | {"start_key": f"copy {index}"})
        MeterReading.insert_many([reading | {"session": copy.number} for reading in readings]).execute()


def test_all_recomputed(run: Run, wrong: int) -> None:
    with database.atomic():
        copies(wrong, 249)
    numbers = [row.number for row in ChargingSession.select().order_by(ChargingSession.number)]
    assert run("recompute", numbers[7]).exit_code == 0  # as if interrupted
    answer = run("recompute", "--all")
    assert answer.exit_code == 0
    assert answer.output.count("1992832.00 kWh → 4.20 kWh") == 249
    assert [line for line in answer.output.splitlines() if line.startswith("Up to ")] == [
        f"Up to session {numbers[index]}." for index in (99, 199, 249)
    ]
    assert answer.output.endswith("Sessions: 250. Other figure: 249, other notes alone: 0, as before: 1.\n")
    assert {row.energy_wh for row in ChargingSession.select()} == {4200}
    assert len(corrections()) == 250
    before = stored()
    assert run("recompute", "--all").output.endswith("other notes alone: 0, as before: 250.\n")
    assert stored() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((4711,), "Error: There is no session 4711."),
        ((4711, "--dry-run"), "Error: There is no session 4711."),
        ((), "Give either a session's number or --all."),
        ((1, "--all"), "Give either a session's number or --all."),
        ((0,), "0: Type a whole number from 1 to 2147483647."),
        ((2**31,), "2147483648: Type a whole number from 1 to 2147483647."),
    ],
)
def test_recompute_refused_in_words(run: Run, wrong: int, arguments: tuple[object, ...], words: str) -> None:
    before = stored()
    answer = run("recompute", *arguments)
    assert answer.exit_code != 0
    assert words in answer.output
    assert stored() == before


def test_all_without_sessions(run: Run, cast: Cast) -> None:
    assert run("recompute", "--all").output == "Sessions: 0. Other figure: 0, other notes alone: 0, as before: 0.\n"
