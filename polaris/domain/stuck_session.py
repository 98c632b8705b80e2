"""Evidence that a session has ended although no end arrived, in sentences for an operator.

It is no proof: an operator closes the session as an estimate, and the charger's own end replaces that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from polaris.domain.enums import ConnectorStatus, StopState

SILENCE = timedelta(hours=1)  # since the last reading; longer than even chargers that seldom send one leave between two
OVER = "Over"  # with nothing queued: the end was lost (OCPP 2.x, E13)
READINGS_TIMEOUT = timedelta(seconds=30)  # from asking a charger for readings to counting its silence as evidence


@dataclass(frozen=True, slots=True)
class Signs:
    """State of an active session beside its readings. The instants are of our clock."""

    connector_status: str
    is_awaiting_end: bool
    last_heard_at: datetime
    followed_up_at: datetime | None
    stop_state: StopState | None  # of the latest stop request
    stop_decided_at: datetime | None
    charger_status: str = ""  # the answer to GetTransactionStatus: `Over`, `Queued`, `Ongoing`


def evidence_of(signs: Signs, now: datetime) -> list[str]:
    """Return the evidence, strongest first; empty if the session seems to go on."""
    evidence = []
    is_free = signs.connector_status == ConnectorStatus.AVAILABLE
    if is_free:
        evidence.append("The charger reported the connector Available.")
    elif signs.is_awaiting_end:
        evidence.append("The charger restarted and has not sent the session's end.")
    is_plugged_in = signs.connector_status == ConnectorStatus.EV_CONNECTED  # stopped, but not unplugged yet
    if signs.stop_state is StopState.OVERDUE and not is_plugged_in:
        evidence.append(f"A stop was accepted twice by {_time(signs.stop_decided_at)} and no end came.")
    if signs.stop_state is StopState.REJECTED and is_free:
        evidence.append(f"The charger rejected a stop at {_time(signs.stop_decided_at)}: it has no such transaction.")
    if signs.charger_status == OVER:
        evidence.append("The charger says that it is over, and that no message of it is left to be sent.")
    asked_at = signs.followed_up_at
    if asked_at is not None and asked_at >= signs.last_heard_at and now - asked_at >= READINGS_TIMEOUT:
        evidence.append(f"Asked for its readings at {_time(asked_at)}, it sent none.")
    if now - signs.last_heard_at >= SILENCE:
        evidence.append(f"The last reading came at {_time(signs.last_heard_at)}.")
    return evidence


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
