"""Owns every transaction on charging data: a fact or a request comes in, the domain decides, it is committed and told.

Nothing here knows of OCPP, of HTTP or of HTML. Every call is synchronous and takes `now`. A caller that gets an
answer back may tell it to the charger: it is committed. `peewee.OperationalError` and `InterfaceError` mean that the
database is gone and that nothing of the call was stored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from peewee import InterfaceError, OperationalError
from redis import RedisError

from polaris.config import Config
from polaris.domain.commands.catalog import GetTransactionStatus
from polaris.domain.enums import Authorization, CommandState, StopEvent, StopState
from polaris.domain.facts import (
    ChargerBooted,
    ChargerConnected,
    ChargerDisconnected,
    ChargerNotified,
    ConnectorStatusChanged,
    Fact,
    SessionEnded,
    SessionMetered,
    SessionReported,
    SessionStarted,
)
from polaris.domain.stop_request import StopLimits
from polaris.ingest import refused_handshakes, stuck_sessions
from polaris.ingest.facts import chargers, meter_batch, plain_events, sessions, transaction_events
from polaris.ingest.facts.chargers import ChargerKey
from polaris.ingest.outcomes import Ended, Outcome, Started
from polaris.ingest.refused_handshakes import RefusedHandshake
from polaris.ingest.requests import stops
from polaris.ingest.requests.command_history import CommandView
from polaris.ingest.requests.command_verbs import CommandVerbs
from polaris.ingest.requests.commands import POLARIS, ClaimedCommand, CommandRefusal, CommandResult
from polaris.ingest.requests.stops import ClaimedStop, Refusal
from polaris.ingest.stuck_sessions import FollowUp, Stuck
from polaris.models import blocking, database
from polaris.pubsub import ChangeNotification, Publisher

__all__ = [
    "ChargerKey",
    "ClaimedCommand",
    "ClaimedStop",
    "CommandRefusal",
    "CommandResult",
    "CommandView",
    "Ended",
    "FollowUp",
    "Ingest",
    "Outcome",
    "Refusal",
    "RefusedHandshake",
    "Started",
    "Stuck",
]

log = logging.getLogger(__name__)

# What comes from many chargers at once is stored together, the rest one by one.
_APPLY_MANY: dict[type[Fact], Callable[..., None]] = {
    ChargerConnected: chargers.connected,
    ChargerDisconnected: chargers.disconnected,
    ChargerBooted: chargers.booted,
    SessionMetered: meter_batch.store,
}
_APPLY: dict[type[Fact], Callable[..., Outcome]] = {
    ChargerNotified: chargers.notified,
    ConnectorStatusChanged: chargers.status_changed,
    SessionStarted: sessions.started,
    SessionEnded: sessions.ended,
    SessionReported: transaction_events.reported,
}


class Ingest(CommandVerbs):
    """The verbs on charging data. One for a process."""

    def __init__(self, config: Config, publisher: Publisher) -> None:
        super().__init__(config, publisher)
        self._lease = timedelta(seconds=config.lease_s)
        self._silence = timedelta(seconds=config.stale_after_s)
        self._limits = StopLimits(timedelta(seconds=config.stop_answer_s), timedelta(seconds=config.stop_end_s))

    # What chargers say.

    def store(self, batch: Sequence[Fact], now: datetime) -> list[Outcome]:
        """Store a batch, at most one fact of each charger, in one transaction; return its outcomes in order.

        Where a fact breaks the batch, each is stored by itself and the broken one is kept raw.
        """
        outcomes, notifications = _store(batch, now)
        self._publisher.announce(notifications)
        return outcomes

    @blocking
    def authorize(self, id_tag: str) -> Authorization:
        """What to tell a charger of a card. It changes nothing."""
        return sessions.authorization(id_tag)

    @blocking
    def find_charger(self, identity: str) -> ChargerKey | None:
        return chargers.find(identity)

    def prove_next_key(self, charger: ChargerKey) -> None:
        """Make the new key of a rotation, with which the charger came, its only one."""
        self._commit(chargers.prove_next_key, charger.charger_id, charger.next_key_hash)

    def note_unrecognised(self, knocks: Sequence[RefusedHandshake], now: datetime) -> None:
        """Keep refused handshakes for an operator to see."""
        self._commit(refused_handshakes.note, knocks, now)

    @blocking
    def fallback_protocol(self, charger_id: int) -> str:
        """What to speak with a charger that offers no version that Polaris speaks, or ""."""
        return chargers.fallback_protocol(charger_id)

    def touch(self, charger_ids: Iterable[int], now: datetime) -> None:
        """Note that these chargers were heard of."""
        self._commit(chargers.touch, charger_ids, now)

    def renew_lease(self, bridge_id: str, now: datetime) -> None:
        """Keep a bridge's chargers online until the lease runs out."""
        self._commit(chargers.renew_lease, bridge_id, now, now + self._lease)

    def end_lease(self, bridge_id: str, now: datetime) -> None:
        """Let go of a bridge's chargers at once."""
        self._commit(chargers.end_lease, bridge_id, now)

    def follow_up(self, bridge_id: str, now: datetime) -> list[FollowUp]:
        """The sessions of a bridge's chargers whose readings are to be asked for, each once for a silence."""
        found = _silent(bridge_id, now, self._silence)
        if found:
            self._commit(stuck_sessions.note_asked, found, now)
        self._ask_on((one for one in found if one.transaction_id is not None), now)
        return found

    def _ask_on(self, silent: Iterable[FollowUp], now: datetime) -> None:
        """Ask whether these sessions (OCPP 2.x) still go on. Where Redis is away none waits for it after the first."""
        for one in silent:
            made = self.request_command(one.identity, GetTransactionStatus(one.number), POLARIS, now)
            asked = self.command(made, now) if isinstance(made, int) else None
            if asked is not None and asked.state is CommandState.ERROR:
                return

    # What people ask for.

    @blocking
    def stuck(self, now: datetime) -> list[Stuck]:
        """The sessions that seem to be over although no end has come, each with its evidence."""
        return stuck_sessions.stuck(now)

    def close_session(self, number: int, actor: str, now: datetime) -> bool:
        """Close a session on evidence, as an estimate; False where there is none, or no such active session."""
        return self._commit(stuck_sessions.close, number, actor, now)

    def request_stop(self, number: int, account_id: int, now: datetime) -> Refusal | None:
        """Ask for a session's stop on behalf of an account; None where it is under way, else why it is not."""
        result = self._commit(stops.request, number, account_id, now, self._limits)
        if isinstance(result, stops.PendingStop):
            self._send_stop(result, now)
            return None
        return result

    def claim_stop(self, request_id: int, charger_id: int, connection_id: str, now: datetime) -> ClaimedStop | None:
        """Take a stop request for sending; return what is to be stopped, or None where it is not to be sent.

        Only one caller ever gets it, none after the deadline, and none whose connection is not the charger's newest.
        """
        return self._commit(stops.claim, request_id, charger_id, now, self._limits, connection_id=connection_id)

    def record_stop(self, request_id: int, event: StopEvent, now: datetime) -> None:
        """Record what became of a stop request. What comes too late to matter changes nothing."""
        self._commit(stops.advance, request_id, event, now, self._limits)

    def sweep(self, now: datetime) -> None:
        """Move every stop request and command whose deadline has passed on. Any number of processes may do so."""
        self._sweep_commands(now)
        for command in _overdue(now):
            state = self._commit(stops.advance, command.request_id, StopEvent.DEADLINE, now, self._limits)
            if state is StopState.REQUESTED and not self._send_stop(command, now):
                return  # Redis is away: the next sweep goes on, and does not wait for it row by row

    def _send_stop(self, command: stops.PendingStop, now: datetime) -> bool:
        """Send it; return whether Redis took it. Only a PUBLISH that nobody received means offline."""
        try:
            receivers = self._publisher.command_stop(command.identity, command.request_id)
        except RedisError as error:
            log.warning("%s: the stop command could not be sent: %s", command.identity, error)
            self.record_stop(command.request_id, StopEvent.BUS_FAILED, now)
            return False
        if receivers == 0:
            self.record_stop(command.request_id, StopEvent.NO_RECEIVER, now)
        return True


@blocking
def _silent(bridge_id: str, now: datetime, silence: timedelta) -> list[FollowUp]:
    return stuck_sessions.silent(bridge_id, now, silence)


@blocking
def _overdue(now: datetime) -> list[stops.PendingStop]:
    return stops.overdue(now)


@blocking
def _store(batch: Sequence[Fact], now: datetime) -> tuple[list[Outcome], list[ChangeNotification]]:
    try:
        return _store_together(batch, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # whatever it is, the others of the batch have no part in it
        each = [_store_alone(fact, now) for fact in batch]
        return [outcome for outcome, _ in each], [item for _, notifications in each for item in notifications]


def _store_together(batch: Sequence[Fact], now: datetime) -> tuple[list[Outcome], list[ChangeNotification]]:
    notifications: list[ChangeNotification] = []
    with database.atomic():
        batch = plain_events.store(batch)
        for kind, apply in _APPLY_MANY.items():
            if of_kind := [fact for fact in batch if type(fact) is kind]:
                apply(notifications, of_kind, now)
        outcomes = [_APPLY[type(fact)](notifications, fact, now) if type(fact) in _APPLY else None for fact in batch]
        return outcomes, notifications


def _store_alone(fact: Fact, now: datetime) -> tuple[Outcome, list[ChangeNotification]]:
    try:
        outcomes, notifications = _store_together([fact], now)
        return outcomes[0], notifications
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # a charger that got no answer to it would hold back everything behind it
        log.exception("charger %s: a %s could not be applied and is kept raw", fact.charger_id, type(fact).__name__)
        with database.atomic():
            sessions.stray(fact, f"could not be applied: {type(error).__name__}")
        return None, []
