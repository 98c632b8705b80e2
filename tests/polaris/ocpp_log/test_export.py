"""The file of a session: which of its charger's frames it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polaris import models
from polaris.config import Config
from polaris.domain.facts import Report, SessionReported
from polaris.models import Charger, ChargingSession, to_microseconds
from polaris.ocpp_log import export
from polaris.ocpp_log.files import IN, Line, LogFiles
from polaris.pubsub import Publisher
from tests.support.ingest_cast import Cast, at, connected_charger


@pytest.fixture
def told(database: None, config: Config, publisher: Publisher) -> Cast:
    return connected_charger(config, publisher)


@pytest.mark.both_databases
@pytest.mark.field(79, 83)
def test_late_start_and_reused_id(told: Cast, tmp_path: Path) -> None:
    """A session's end may arrive long before its start, and its id be given to another session afterwards."""
    lines = []
    events = [(0, 1, Report.ENDED, 60), (1200, 0, Report.STARTED, 0), (4000, 0, Report.STARTED, 3900)]
    for arrived, seq_no, report, seconds in events:
        frame = [2, str(arrived), "TransactionEvent", _payload(seq_no, report, seconds)]
        lines.append(Line(to_microseconds(at(arrived)), "depot-7", "1", IN, json.dumps(frame)))
        told.store(_event(told.charger, seq_no, report, seconds, arrived, frame[3]), seconds=arrived)
    LogFiles(tmp_path, "bridge", max_bytes=10**6, max_age_s=10**9).write(lines)
    with models.database.connection_context():
        Charger.update(protocol="ocpp2.0.1").where(Charger.id == told.charger).execute()
        first, second = ChargingSession.select().order_by(ChargingSession.started_at)
        exported = [export.export(tmp_path, session.number, at(5000)) for session in (first, second)]
    ids = [[json.loads(json.loads(line)["frame"])[1] for line in file[1:]] for file in exported]
    assert ids == [["0", "1200"], ["4000"]]


def _payload(seq_no: int, report: Report, seconds: int) -> dict[str, Any]:
    return {
        "eventType": report,
        "seqNo": seq_no,
        "timestamp": at(seconds).isoformat(),
        "triggerReason": "CablePluggedIn",
        "transactionInfo": {"transactionId": "t"},
    }


def _event(
    charger: int, seq_no: int, report: Report, seconds: int, arrived: int, raw: dict[str, Any]
) -> SessionReported:
    return SessionReported(
        charger_id=charger,
        received_at=at(arrived),
        raw=raw,
        transaction_id="t",
        seq_no=seq_no,
        report=report,
        at=at(seconds),
        connector=1,
        id_tag=None,
        status="",
        reason="",
        is_offline=False,
        readings=(),
    )
