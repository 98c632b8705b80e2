"""Write a recording of a session for tests/recordings: the charger's frames after a header that says what is right.

    python -m scripts.recording 4711 --habit "kWh registers" --out tests/recordings/kwh-registers.jsonl

The header is a draft: it has the session as Polaris shows it. docs/recordings.md says what to check and correct.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from polaris import create_app
from polaris.domain.data_quality import Note
from polaris.domain.redaction import REDACTED
from polaris.models import ChargingSession, SessionNote, blocking
from polaris.ocpp_log.export import export
from polaris.services import services

# What tells a charger, its meter or its card apart, or may: their values are in no recording. Cards and keys are
# replaced by the export and the log already.
NAMES = (
    "chargeBoxSerialNumber",
    "chargePointSerialNumber",
    "meterSerialNumber",
    "serialNumber",
    "iccid",
    "imsi",
    "data",
    "techInfo",
    "signedMeterData",
    "publicKey",
)
OF_REPLAY = {str(Note.REPLAYED_OFFLINE)}  # a note that every replay gets


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("session", type=int, help="its number")
    parser.add_argument("--habit", required=True, help="what is special about the charger, without its make")
    parser.add_argument("--source", default="a charger of a depot", help="what sent the frames")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    with create_app().app_context():
        try:
            lines = export(Path(services().config.frames_dir), options.session, datetime.now(UTC))
        except LookupError:
            lines = []
        if not lines:
            print(f"The log has no frames of a session {options.session}.", file=sys.stderr)
            return 1
        header = {"source": options.source, "habit": options.habit, "sessions": [drafted(options.session)]}
    text = [json.dumps({"recording": header}, ensure_ascii=False), *map(redacted, lines)]
    options.out.write_text("".join(f"{line}\n" for line in text), "utf-8")
    print(f"{options.out}: {len(lines)} lines. Read them, and correct the header.")
    return 0


@blocking
def drafted(number: int) -> dict[str, Any]:
    """Return a session as a recording's header has it."""
    row = ChargingSession.get_by_id(number)
    notes = {note.kind for note in SessionNote.select().where(SessionNote.session == number)}
    notes |= {str(Note.START_NEVER_CAME)} if row.is_start_inferred else set()
    return {
        "connector": row.connector,
        "card": "" if row.card_id is None else "STAND-IN-1",
        "state": row.state,
        "energy_wh": row.energy_wh,
        "started_at": _written(row.started_at),
        "ended_at": _written(row.ended_at),
        "reason": row.stop_reason,
        "notes": sorted(notes - OF_REPLAY),
    }


def redacted(line: str) -> str:
    """Return an export's line without serial numbers, signed data and vendors' own texts."""
    entry = json.loads(line)
    try:
        message = json.loads(entry["frame"])
    except (ValueError, RecursionError):
        return line
    entry["frame"] = json.dumps(_redacted(message), separators=(",", ":"))
    return json.dumps(entry, ensure_ascii=False)


def _redacted(value: Any) -> Any:
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    names = (*NAMES, "value") if value.get("format") == "SignedData" else NAMES
    return {name: REDACTED if name in names and inner else _redacted(inner) for name, inner in value.items()}


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    sys.exit(main())
