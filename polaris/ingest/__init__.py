"""Owns every transaction on charging data: a fact or a request comes in, the domain decides, it is committed and told.

Nothing here knows of OCPP, of HTTP or of HTML. Every call is synchronous and takes `now`. A caller that gets an
answer back may tell it to the charger: it is committed. `peewee.OperationalError` and `InterfaceError` mean that the
database is gone and that nothing of the call was stored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from peewee import InterfaceError, OperationalError, PeeweeException
from redis import RedisError

from polaris.bus import Bus, Hint
from polaris.config import Config
from polaris.domain import facts
from polaris.domain.facts import Fact
from polaris.domain.stop_request import Limits
from polaris.domain.words import Authorization, StopEvent, StopState
from polaris.ingest import chargers, sessions, stops
from polaris.ingest.chargers import ChargerKey
from polaris.ingest.sessions import Started
from polaris.ingest.stops import Refusal
from polaris.models import blocking, database

__all__ = ["ChargerKey", "Ingest", "Refusal", "Started"]

log = logging.getLogger(__name__)

_APPLY: dict[type[Fact], Callable[..., Started | None]] = {
    facts.ChargerConnected: chargers.connected,
    facts.ChargerDisconnected: chargers.disconnected,
    facts.ChargerBooted: chargers.booted,
    facts.ChargerNotified: chargers.notified,
    facts.ConnectorStatusChanged: chargers.status_changed,
    facts.SessionStarted: sessions.started,
    facts.SessionMetered: sessions.metered,
    facts.SessionEnded: sessions.ended,
}


class Ingest:
    """The verbs on charging data. One for a process."""

    def __init__(self, config: Config, bus: Bus) -> None:
        self._bus = bus
        self._lease = timedelta(seconds=config.lease_s)
        self._limits = Limits(timedelta(seconds=config.stop_answer_s), timedelta(seconds=config.stop_end_s))

    # What chargers say.

    @blocking
    def store(self, batch: Sequence[Fact], now: datetime) -> list[Started | None]:
        """Store a batch, at most one fact of each charger, in one transaction; return its outcomes in order.

        Where a fact breaks the batch, each is stored by itself and the broken one is kept raw.
        """
        try:
            outcomes, hints = _store(batch, now)
        except (OperationalError, InterfaceError):
            raise
        except (PeeweeException, ValueError, ArithmeticError, LookupError):
            outcomes, hints = [], []
            for fact in batch:
                outcome, more = _store_alone(fact, now)
                outcomes.append(outcome)
                hints += more
        self._bus.announce(hints)
        return outcomes

    @blocking
    def authorize(self, id_tag: str) -> Authorization:
        """What to tell a charger of a card. It changes nothing."""
        return sessions.authorization(id_tag)

    @blocking
    def find_charger(self, identity: str) -> ChargerKey | None:
        return chargers.find(identity)

    @blocking
    def touch(self, charger_ids: Iterable[int], now: datetime) -> None:
        """Note that these chargers were heard of."""
        chargers.touch(charger_ids, now)

    @blocking
    def renew_lease(self, bridge_id: str, now: datetime) -> None:
        """Keep a bridge's chargers online until the lease runs out."""
        chargers.renew_lease(bridge_id, now, now + self._lease)

    @blocking
    def end_lease(self, bridge_id: str, now: datetime) -> None:
        """Let go of a bridge's chargers at once."""
        hints: list[Hint] = []
        with database.atomic():
            chargers.end_lease(bridge_id, now, hints)
        self._bus.announce(hints)

    # What people ask for.

    @blocking
    def request_stop(self, number: int, account_id: int, now: datetime) -> Refusal | None:
        """Ask for a session's stop on behalf of an account; None where it is under way, else why it is not."""
        hints: list[Hint] = []
        with database.atomic():
            result = stops.request(number, account_id, now, self._limits, hints)
        self._bus.announce(hints)
        if isinstance(result, Refusal):
            return result
        if result is not None:
            self._send_stop(result, now)
        return None

    @blocking
    def claim_stop(self, request_id: int, charger_id: int, now: datetime) -> int | None:
        """Take a stop request for sending; return its session's number, or None where it is not to be sent.

        Only one caller ever gets the number, and none after the deadline.
        """
        hints: list[Hint] = []
        with database.atomic():
            number = stops.claim(request_id, charger_id, now, self._limits, hints)
        self._bus.announce(hints)
        return number

    @blocking
    def record_stop(self, request_id: int, event: StopEvent, now: datetime) -> None:
        """Record what became of a stop request. What comes too late to matter changes nothing."""
        self._advance_stop(request_id, event, now)

    @blocking
    def sweep(self, now: datetime) -> None:
        """Move every stop request whose deadline has passed on. Any number of processes may do so at once."""
        for request_id in stops.overdue(now):
            if self._advance_stop(request_id, StopEvent.DEADLINE, now) is StopState.REQUESTED:
                self._send_stop(stops.command(request_id), now)

    def _advance_stop(self, request_id: int, event: StopEvent, now: datetime) -> StopState | None:
        hints: list[Hint] = []
        with database.atomic():
            state = stops.advance(request_id, event, now, self._limits, hints)
        self._bus.announce(hints)
        return state

    def _send_stop(self, command: stops.Command, now: datetime) -> None:
        """Only a PUBLISH that nobody received means offline; an error means that it is not known."""
        try:
            receivers = self._bus.command_stop(command.identity, command.request_id)
        except RedisError as error:
            log.warning("%s: the stop command could not be sent: %s", command.identity, error)
            self._advance_stop(command.request_id, StopEvent.BUS_FAILED, now)
            return
        if receivers == 0:
            self._advance_stop(command.request_id, StopEvent.NO_RECEIVER, now)


def _store(batch: Sequence[Fact], now: datetime) -> tuple[list[Started | None], list[Hint]]:
    hints: list[Hint] = []
    with database.atomic():
        outcomes = [_APPLY[type(fact)](fact, now, hints) for fact in batch]
    return outcomes, hints


def _store_alone(fact: Fact, now: datetime) -> tuple[Started | None, list[Hint]]:
    try:
        outcomes, hints = _store([fact], now)
        return outcomes[0], hints
    except (OperationalError, InterfaceError):
        raise
    except (PeeweeException, ValueError, ArithmeticError, LookupError) as error:
        log.exception("charger %s: a %s could not be applied and is kept raw", fact.charger_id, type(fact).__name__)
        with database.atomic():
            sessions.stray(fact, f"could not be applied: {type(error).__name__}")
        return None, []
