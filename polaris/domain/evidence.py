"""Evidence about a session: the one table of the facts that may end, doubt or resume it, for every OCPP version.

Evidence is no proof: what it closes is an estimate, which the charger's own end replaces. A reading that names the
session and is later than the evidence outweighs all of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from polaris.domain.enums import Authorization, ConnectorStatus, SessionState, StopState
from polaris.domain.instants import CLOCK_TOLERANCE, second_text
from polaris.domain.sentences import Sentence, say


class Evidence(StrEnum):
    """A fact that could be about a session that it does not name, or that says how a named one goes on."""

    START_REFUSED = "start_refused"  # on the session's connector, of a card that may not charge
    START_REPEATED = "start_repeated"
    START_OLDER = "start_older"  # of a session that began earlier, told late
    START_CONTRADICTED = "start_contradicted"  # the session's own readings are later than this start
    START_LATER = "start_later"
    BOOT_ASKED_FOR = "boot_asked_for"
    BOOT = "boot"
    AVAILABLE = "available"
    AVAILABLE_EARLIER = "available_earlier"  # the session's own readings are later
    SAID_OVER = "said_over"  # the answer to GetTransactionStatus
    SILENCE = "silence"
    OPERATOR = "operator"
    END = "end"
    LATER_READING = "later_reading"  # or event (OCPP 2.x): names the session and is later than what spoke against it
    SAID_ONGOING = "said_ongoing"  # the answer to GetTransactionStatus


class Effect(StrEnum):
    """The strength of evidence: what it does to a session that it is about."""

    NONE = "none"
    LISTS = "lists"  # the session is shown to an operator, and goes on
    DOUBTS = "doubts"  # it seems to be over: it awaits its end, and its driver may charge elsewhere
    ESTIMATES = "estimates"  # it is closed, as an estimate
    COMPLETES = "completes"  # it is closed for good
    RESUMES = "resumes"  # it goes on, whatever spoke against it; only the charger's own end is stronger


EFFECTS: dict[Evidence, Effect] = {
    Evidence.START_REFUSED: Effect.NONE,
    Evidence.START_REPEATED: Effect.NONE,
    Evidence.START_OLDER: Effect.NONE,
    Evidence.START_CONTRADICTED: Effect.NONE,
    Evidence.START_LATER: Effect.ESTIMATES,
    Evidence.BOOT_ASKED_FOR: Effect.NONE,
    Evidence.BOOT: Effect.DOUBTS,
    Evidence.AVAILABLE: Effect.DOUBTS,
    Evidence.AVAILABLE_EARLIER: Effect.NONE,
    Evidence.SAID_OVER: Effect.DOUBTS,
    Evidence.SILENCE: Effect.LISTS,
    Evidence.OPERATOR: Effect.ESTIMATES,
    Evidence.END: Effect.COMPLETES,
    Evidence.LATER_READING: Effect.RESUMES,
    Evidence.SAID_ONGOING: Effect.RESUMES,
}

# States of a connector in which nothing flows to a session, and those in which nothing flows to it any more. Without
# them, a fault or a lost end would keep a driver from charging elsewhere.
IDLE = frozenset(
    {ConnectorStatus.FINISHING, ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED, ConnectorStatus.IDLE}
)
BEGINNING = frozenset({ConnectorStatus.PREPARING, ConnectorStatus.EV_CONNECTED})

TRIGGERED = "triggered"  # in lower case, the reason of a boot notice that was asked for (OCPP 2.x, BootReasonEnumType)
ASKED_FOR = timedelta(minutes=1)  # from asking a charger of OCPP 1.6 for its boot notice to its coming
REFUSED_TIMEOUT = timedelta(minutes=1)  # without it a card's refusal would stand in progress for ever
BOOT_QUEUE = timedelta(minutes=15)  # from a boot to the last of what a charger had kept; a clock behind never passes it
SILENCE = timedelta(hours=1)  # since the last reading; longer than even chargers that seldom send one leave between two
OVER = "Over"  # an answer to GetTransactionStatus, with nothing queued: the end was lost (OCPP 2.x, E13)
SAID = {OVER: Evidence.SAID_OVER, "Ongoing": Evidence.SAID_ONGOING}
READINGS_TIMEOUT = timedelta(seconds=30)  # from asking a charger for readings to counting its silence as evidence


@dataclass(frozen=True, slots=True)
class Weighed:
    """A session as evidence is weighed against it. `named_at` is its newest reading that named it."""

    started_at: datetime
    is_idle_refusal: bool = False
    named_at: datetime | None = None


def of_start(session: Weighed, *, started_at: datetime, is_dated: bool, is_refused: bool) -> Evidence:
    """Return what a start on a session's connector is to it. One without a time of its own is later than all before."""
    if is_refused:
        return Evidence.START_REFUSED
    if session.is_idle_refusal:
        return Evidence.START_LATER  # whenever it was refused, the connector is another's
    if is_dated and started_at < session.started_at:
        return Evidence.START_OLDER
    is_contradicted = is_dated and session.named_at is not None and session.named_at > started_at
    return Evidence.START_CONTRADICTED if is_contradicted else Evidence.START_LATER


def shares(connector: int, evse_ids: Collection[int]) -> tuple[int, ...]:
    """Return the connectors whose sessions a start is evidence about, given the EVSEs that the charger has reported.

    Connector 0 is that of a transaction that names no EVSE: in OCPP 2.x the card may come before the cable. Where
    there is one EVSE only, it is on that one, which can have one transaction at a time; elsewhere it has no place yet.
    """
    only = next(iter(evse_ids)) if len(evse_ids) == 1 else 0
    if connector == 0:
        return (only, 0) if only else ()
    return (connector, 0) if connector == only else (connector,)


def of_boot(reason: str, *, is_asked_for: bool) -> Evidence:
    """Return what a boot notice is to the charger's sessions. A charger of OCPP 1.6 gives no reason."""
    is_triggered = reason.casefold() == TRIGGERED or (reason == "" and is_asked_for)
    return Evidence.BOOT_ASKED_FOR if is_triggered else Evidence.BOOT


def of_available(at: datetime | None, named_at: datetime | None) -> Evidence:
    """Return what a free connector is to its session; `at` is None if the charger sent no time with it."""
    is_earlier = at is not None and named_at is not None and named_at > at
    return Evidence.AVAILABLE_EARLIER if is_earlier else Evidence.AVAILABLE


def is_later(at: datetime, doubted_at: datetime | None, *, since_boot: timedelta | None) -> bool:
    """Whether what names a session is later than what speaks against it: if a boot, `since_boot` before its receipt.

    A boot's instant is of our clock, which one that is hours behind does not pass.
    """
    if doubted_at is None or at > doubted_at:
        return True
    return since_boot is not None and since_boot >= BOOT_QUEUE


def is_repetition(
    *, at: datetime | None, state: SessionState, ended_at: datetime | None, is_refused: bool, has_moved_on: bool
) -> bool:
    """Whether a start that equals a session's is that session's, told again because its answer was lost.

    A start before the session's end is. One without a time of its own, or at the instant of the end (a stuck clock),
    is not if the session `has_moved_on`: a charger sends nothing of a session before its start has been answered.
    """
    if at is not None and not (state is SessionState.COMPLETED and ended_at is not None and ended_at <= at):
        return True
    if state is SessionState.ESTIMATED and not is_refused:
        return False
    return not has_moved_on


def is_charging(connector_status: str, *, energy_wh: int | None, power_w: int | None) -> bool:
    """Whether a session that goes on takes place at its connector, by its state and what was read since."""
    if power_w:
        return True
    return connector_status not in (IDLE | BEGINNING if energy_wh else IDLE)


def is_concurrent(started_at: datetime, at: datetime) -> bool:
    """Whether a session that goes on elsewhere had begun when a card was shown; the two clocks differ somewhat."""
    return started_at - at <= CLOCK_TOLERANCE


def is_idle(state: str, connector_status: str, *, energy_wh: int | None, power_w: int | None) -> bool:
    """Whether nothing shows that energy flows to a session, or has flowed."""
    is_charging_now = state == SessionState.ACTIVE and connector_status == ConnectorStatus.CHARGING
    return not energy_wh and not power_w and not is_charging_now


def is_refusal(authorization: str, id_tag: str, transaction_id: str | None) -> bool:
    """Whether a session's card was refused. A transaction of OCPP 2.x may begin before there is a card."""
    return authorization != Authorization.ACCEPTED and (id_tag != "" or transaction_id is None)


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


def evidence_of(signs: Signs, now: datetime) -> list[Sentence]:
    """Return the evidence that an active session is over in sentences, strongest first; empty if it seems to go on."""
    evidence: list[Sentence] = []
    if signs.charger_status == OVER:
        evidence.append(say("The charger says that it is over, and that no message of it is left to be sent."))
    is_free = signs.is_awaiting_end and signs.connector_status == ConnectorStatus.AVAILABLE
    if is_free:
        evidence.append(say("The charger reported the connector Available."))
    elif signs.is_awaiting_end and not evidence:
        evidence.append(say("The charger restarted or began another session, and has not sent this one's end."))
    is_plugged_in = signs.connector_status == ConnectorStatus.EV_CONNECTED  # stopped, but not unplugged yet
    if signs.stop_state is StopState.OVERDUE and not is_plugged_in:
        evidence.append(say("A stop was accepted twice by %(at)s and no end came.", at=_time(signs.stop_decided_at)))
    if signs.stop_state is StopState.REJECTED and is_free:
        evidence.append(
            say("The charger rejected a stop at %(at)s: it has no such transaction.", at=_time(signs.stop_decided_at))
        )
    asked_at = signs.followed_up_at
    if asked_at is not None and asked_at >= signs.last_heard_at and now - asked_at >= READINGS_TIMEOUT:
        evidence.append(say("Asked for its readings at %(at)s, it sent none.", at=_time(asked_at)))
    if now - signs.last_heard_at >= SILENCE:
        evidence.append(say("The last reading came at %(at)s.", at=_time(signs.last_heard_at)))
    return evidence


def _time(at: datetime | None) -> str:
    return "" if at is None else second_text(at)
