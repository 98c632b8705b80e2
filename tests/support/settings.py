"""Settings as a charger reports them."""

from __future__ import annotations

import json
from typing import Any

from polaris.ingest.facts import notices
from polaris.models import Command, blocking
from tests.support.cast import Cast, ChargerInfo, now


@blocking
def report(cast: Cast, *keys: Any, charger: ChargerInfo | None = None) -> None:
    """Keep a whole list of settings (OCPP 1.6), as an answer to a command has it."""
    notices.keep((charger or cast.depot_7).id, "GetConfiguration", {"configurationKey": list(keys)}, now(), request="1")


def key(name: str, value: Any = "1", *, readonly: bool = False) -> dict[str, Any]:
    return {"key": name, "value": value, "readonly": readonly}


@blocking
def accepted(cast: Cast, name: str, value: str, *, status: str = "") -> None:
    """Keep a command that depot-7 has accepted by now, and that changed a setting."""
    values = {"charger": cast.depot_7.id, "kind": "set-configuration", "state": "accepted", "status": status}
    values |= {"requested_by": "olga", "requested_at": now(), "deadline_at": now(), "sent_at": now()}
    Command.create(**values, arguments=json.dumps({"key": name, "value": value}), answered_at=now())
