"""Every recording of a charger ends in its right sessions, and shows nothing wrong on the way."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from polaris.models import ChargingSession
from simulator.connection import CALL
from simulator.replay import Replay
from tests.support import recordings
from tests.support.depot import KEY, Depot, now, sessions
from tests.support.frames_of import meter, notes
from tests.support.misread import is_shown_rightly
from tests.support.processes import ROOT, Processes

SENT_LATE = {"replayed_offline"}  # every frame is, whose instants are older than a replay takes
BOOT = {"chargePointVendor": "V", "chargePointModel": "M", "chargePointSerialNumber": "SERIAL-1"}
SLACK = timedelta(seconds=10)  # a clock that is wrong goes on during the recording, which takes longer than a replay


@pytest.mark.parametrize("path", recordings.FILES, ids=lambda path: path.stem)
async def test_recording(depot: Depot, path: Path, tmp_path: Path) -> None:
    identity, card, began = depot.identity(), depot.card(), now()
    recording = recordings.read(path, card.id_tag, began, tmp_path)
    shown: defaultdict[int, list[int | None]] = defaultdict(list)

    def look() -> None:
        for row in sessions(identity):
            shown[row.number].append(row.energy_wh)

    replay = Replay(depot.url, identity, KEY, recording.steps, on_sent=look)
    played = await replay.run()
    calls = [step for step in recording.steps if step.direction == "in" and step.message and step.message[0] == CALL]
    assert (played.answered, played.refused) == (len(calls), 0)
    for row, right in zip(sessions(identity), recording.sessions, strict=True):
        assert dict(_stored(row, right, card.id, began)) == right
        assert is_shown_rightly(shown[row.number], row.energy_wh), shown
    assert recording.never_wh.isdisjoint(wh for figures in shown.values() for wh in figures)


def _stored(row: ChargingSession, right: dict[str, Any], card_id: int, began: datetime) -> Iterator[tuple[str, object]]:
    """Yield what is stored of a session, in the words of a recording's header."""
    yield "connector", row.connector
    yield "card", {None: "", card_id: "STAND-IN-1"}.get(row.card_id, row.id_tag)
    yield "state", row.state
    yield "energy_wh", row.energy_wh
    yield "reason", row.stop_reason
    unstarted = {"start_never_came"} if row.is_start_inferred else set()
    yield "notes", sorted((notes(row.number) | unstarted) - SENT_LATE)
    for name in ("started_at", "ended_at"):
        yield name, _instant(getattr(row, name), right[name], began)


def _instant(at: datetime | None, right: str | None, began: datetime) -> str | None:
    """Return an instant as the header has it: the same text, or "received" for one during the replay."""
    if at is None or right is None:
        return None if at is None else at.isoformat()
    if right == "received":
        return right if began - SLACK <= at <= now() + SLACK else at.isoformat()
    return right if abs(at - datetime.fromisoformat(right)) < timedelta(seconds=1) else at.isoformat()


async def test_session_of_depot_becomes_recording(
    own_depot: Depot, processes: Processes, settings: dict[str, str], tmp_path: Path
) -> None:
    bridge, card, file = processes.bridge(), own_depot.card(), tmp_path / "recording.jsonl"
    async with own_depot.charger() as charger:
        await charger.call("BootNotification", BOOT)
        transaction = await charger.start_transaction(card.id_tag, meter_start_wh=1000)
        signed = {"value": f"OCMF|{card.id_tag}", "format": "SignedData"}
        value = {"timestamp": now().isoformat(), "sampledValue": [signed, {"value": "1400"}]}
        await charger.call("MeterValues", meter(transaction.id, value))
        await charger.stop_transaction(transaction, meter_stop_wh=1900)
    assert bridge.stop() == 0
    command = [sys.executable, "-m", "scripts.recording", str(transaction.id), "--habit", "none", "--out", str(file)]
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    text = file.read_text()
    assert [secret for secret in (card.id_tag, "SERIAL-1") if secret in text] == []
    (tmp_path / "copy").mkdir()
    (right,) = recordings.read(file, card.id_tag, now(), tmp_path / "copy").sessions
    assert (right["energy_wh"], right["card"], right["reason"]) == (900, "STAND-IN-1", "Local")
