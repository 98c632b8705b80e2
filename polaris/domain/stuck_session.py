"""What speaks for a session being over although no end has come, in sentences for an operator.

Evidence, not proof: a session is closed on it by a person, as an estimate, and the charger's own end replaces that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from polaris.domain.enums import ConnectorStatus, StopState

SILENT = timedelta(hours=1)
OVER = "Over"  # and nothing queued: its end was lost (OCPP 2.x, E13)
PATIENCE = timedelta(seconds=30)  # from asking a charger for readings to taking its silence for an answer


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of an active session beside its readings. Instants are ours."""

    connector_status: str
    is_awaiting_end: bool
    last_heard_at: datetime
    followed_up_at: datetime | None
    stop_state: StopState | None  # of the latest stop request
    stop_decided_at: datetime | None
    charger_says: str = ""  # asked whether the session goes on: `Over`, `Queued`, `Ongoing`


def of(signs: Signs, now: datetime) -> list[str]:
    """The evidence, strongest first; empty where the session seems to go on."""
    found = []
    is_free = signs.connector_status == ConnectorStatus.AVAILABLE
    if is_free:
        found.append("The charger reported the connector Available.")
    elif signs.is_awaiting_end:
        found.append("The charger restarted and has not sent the session's end.")
    is_plugged_in = signs.connector_status == ConnectorStatus.EV_CONNECTED  # it has stopped, and waits for unplugging
    if signs.stop_state is StopState.OVERDUE and not is_plugged_in:
        found.append(f"A stop was accepted twice by {_time(signs.stop_decided_at)} and no end came.")
    if signs.stop_state is StopState.REJECTED and is_free:
        found.append(f"The charger rejected a stop at {_time(signs.stop_decided_at)}: it has no such transaction.")
    if signs.charger_says == OVER:
        found.append("The charger says that it is over, and that no message of it is left to be sent.")
    asked_at = signs.followed_up_at
    if asked_at is not None and asked_at >= signs.last_heard_at and now - asked_at >= PATIENCE:
        found.append(f"Asked for its readings at {_time(asked_at)}, it sent none.")
    if now - signs.last_heard_at >= SILENT:
        found.append(f"The last reading came at {_time(signs.last_heard_at)}.")
    return found


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
