"""Every transaction on charging data: apply a fact or a request, commit, then publish the changes.

Nothing here depends on OCPP, HTTP or HTML. Calls are synchronous and take `now`. A result is returned only after the
commit, so it may be sent to the charger. `peewee.OperationalError` and `InterfaceError` mean that the database is
unavailable and that nothing of the call was stored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Concatenate

from peewee import IntegrityError, OperationalError
from redis import RedisError

from polaris.config import Config
from polaris.domain.commands.catalog import ChargerCommand, GetTransactionStatus, checked
from polaris.domain.commands.lifecycle import CommandLimits
from polaris.domain.enums import Authorization, CommandState, RequestEvent, StartEnd, StopState
from polaris.domain.facts import Fact
from polaris.domain.settings import SettingsView
from polaris.domain.start_request import Obstacle
from polaris.domain.stop_request import StopLimits
from polaris.ingest import behaviour as behaviour_
from polaris.ingest import (
    corrections,
    days,
    driver_notices,
    fact_store,
    refused_handshakes,
    settings,
    stuck_sessions,
    unknown_cards,
)
from polaris.ingest.behaviour import Behaviour
from polaris.ingest.corrections import Corrected, EnergyBound, EnergyRefusal, Recomputed, UnknownEnergy
from polaris.ingest.facts import chargers, evidence, rebuild, session_cards
from polaris.ingest.facts.chargers import ChargerKey
from polaris.ingest.outcomes import CardAnswer, Ended, Limited, Outcome, SentLimit, Started
from polaris.ingest.refused_handshakes import RefusedHandshake
from polaris.ingest.requests import (
    ClaimedCommand,
    CommandResult,
    Interrupts,
    PendingRequest,
    RequestTerms,
    command_history,
    start_ends,
    stops,
)
from polaris.ingest.requests.command_history import CommandView
from polaris.ingest.requests.command_refusals import CommandRefusal
from polaris.ingest.requests.commands import POLARIS, Commands
from polaris.ingest.requests.dry_runs import DryRuns
from polaris.ingest.requests.starts import Starts
from polaris.ingest.requests.stops import Refusal, Stops
from polaris.ingest.stuck_sessions import FollowUp, Stuck
from polaris.ingest.unit_of_work import P, R, in_transaction
from polaris.models import blocking
from polaris.pubsub import Announcer, ChangeNotification, Publisher, RequestKind

__all__ = [
    "Behaviour",
    "CardAnswer",
    "ChargerKey",
    "ClaimedCommand",
    "CommandRefusal",
    "CommandResult",
    "CommandView",
    "Corrected",
    "Ended",
    "EnergyBound",
    "EnergyRefusal",
    "FollowUp",
    "Ingest",
    "Interrupts",
    "Limited",
    "Outcome",
    "Recomputed",
    "Refusal",
    "RefusedHandshake",
    "RequestTerms",
    "SentLimit",
    "SettingsView",
    "Started",
    "UnknownEnergy",
]

REBUILD_TRIES = 3  # of a session that changes meanwhile; the next round is a second later


log = logging.getLogger(__name__)


class Ingest:
    """The operations on charging data. One instance for each process."""

    def __init__(self, config: Config, publisher: Publisher) -> None:
        self._publisher = publisher
        self._lease = timedelta(seconds=config.lease_s)
        self._silence = timedelta(seconds=config.stale_after_s)
        self._stops = Stops(StopLimits(timedelta(seconds=config.stop_answer_s), timedelta(seconds=config.stop_end_s)))
        limits = CommandLimits(timedelta(seconds=config.command_answer_s), timedelta(seconds=config.start_begin_s))
        self._commands = Commands(limits, config.charger_key_secrets)
        self._starts = Starts(self._commands)
        self._requests: dict[RequestKind, Stops | Commands | DryRuns] = {
            RequestKind.COMMAND: self._commands,
            RequestKind.DRY_RUN: DryRuns(limits),
            RequestKind.STOP: self._stops,
        }

    # Facts and lookups of the bridge.

    def store(self, batch: Sequence[Fact], now: datetime) -> list[Outcome]:
        """Store a batch, with at most one fact of each charger, in one transaction; return the outcomes in order.

        If a fact fails the batch, each fact is stored in a transaction of its own, and the failing one is kept as
        unprocessable.
        """
        outcomes, notifications = fact_store.store(batch, now)
        self._publisher.announce(notifications)
        return outcomes

    def authorize(self, id_tag: str, charger_id: int, now: datetime) -> CardAnswer:
        """Return the answer to a charger that asks about a card. An unknown one is noted, for an operator to add."""
        answer = _card_answer(id_tag, charger_id, now)
        if answer.authorization is Authorization.INVALID:
            self._commit(unknown_cards.note, id_tag, charger_id, now)
        return answer

    @blocking
    def find_charger(self, *identities: str) -> ChargerKey | None:
        """Return the charger with one of these identities; None if there is none, or several."""
        return chargers.find(identities)

    def prove_next_key(self, charger: ChargerKey) -> None:
        """Make the next key of a rotation the charger's only one, after a connection that used it."""
        self._commit(chargers.prove_next_key, charger.charger_id, charger.next_key_hash)

    def note_refused_handshakes(self, handshakes: Sequence[RefusedHandshake], now: datetime) -> None:
        """Store refused handshakes, for an operator to see."""
        self._commit(refused_handshakes.note, handshakes, now)

    @blocking
    def admissions(self, bridge_id: str) -> dict[int, int]:
        """Return the admission of each charger that is connected to a bridge, by its id; another one ends it."""
        return chargers.admissions(bridge_id)

    @blocking
    def fallback_protocol(self, charger_id: int) -> str:
        """Return the version to use if a charger offers none that Polaris supports, or ""."""
        return chargers.fallback_protocol(charger_id)

    def touch(self, charger_ids: Iterable[int], now: datetime) -> None:
        """Record that these chargers were in contact."""
        self._commit(chargers.touch, charger_ids, now)

    def renew_lease(self, bridge_id: str, now: datetime) -> None:
        """Keep a bridge's chargers online until the lease expires."""
        self._commit(chargers.renew_lease, bridge_id, now, now + self._lease)

    def end_lease(self, bridge_id: str, now: datetime) -> None:
        """Mark a bridge's chargers as offline at once."""
        self._commit(chargers.end_lease, bridge_id, now)

    def follow_up(self, bridge_id: str, now: datetime) -> list[FollowUp]:
        """Return the silent sessions whose chargers to ask for readings, each once for a period of silence."""
        silent = _silent(bridge_id, now, self._silence)
        if silent:
            self._commit(stuck_sessions.note_asked, silent, now)
        self._request_status([session for session in silent if session.transaction_id is not None], now)
        return silent

    def _request_status(self, silent: Iterable[FollowUp], now: datetime) -> None:
        """Ask whether these sessions (OCPP 2.x) still go on; stop at the first failure, since Redis is unavailable."""
        for session in silent:
            command_id = self.request_command(session.identity, GetTransactionStatus(session.number), POLARIS, now)
            command = self.command(command_id, now) if isinstance(command_id, int) else None
            if command is not None and command.state is CommandState.ERROR:
                return

    # Requests of people.

    @blocking
    def stuck(self, now: datetime) -> list[Stuck]:
        """Return the sessions that seem to be over although no end has arrived, with the evidence."""
        return stuck_sessions.stuck(now)

    # A caller whose transaction goes on after one of these gives a `publisher` that waits for its end.

    def close_session(self, number: int, actor: str, now: datetime, publisher: Announcer | None = None) -> bool:
        """Close a session on evidence, as an estimate; False if there is no evidence, or no such active session."""
        return self._commit_for(publisher, stuck_sessions.close, number, actor, now)

    def close_sessions_of_retired(
        self, identity: str, actor: str, now: datetime, publisher: Announcer | None = None
    ) -> list[int]:
        """Close the active sessions of a charger that is retired, as estimates; return their numbers."""
        return self._commit_for(publisher, stuck_sessions.close_of_retired, identity, actor, now)

    def set_energy(
        self,
        number: int,
        kwh: Decimal | None,
        why: str,
        actor: str,
        now: datetime,
        *,
        is_forced: bool = False,
        publisher: Announcer | None = None,
    ) -> Corrected | EnergyRefusal | EnergyBound:
        """Set an ended session's energy, which outranks the charger's; with None, return to the charger's.

        A figure that the connector cannot deliver in the session's time has to be forced.
        """
        return self._commit_for(
            publisher, corrections.set_energy, number, kwh, why, actor=actor, now=now, is_forced=is_forced
        )

    def recompute(self, number: int, actor: str, now: datetime, *, is_dry: bool = False) -> Recomputed | None:
        """Make a session's figures out again from what is stored; None if there is no such session.

        A dry run stores nothing. Nor does one for a session that stays as it is: it takes no lock.
        """
        for _ in range(REBUILD_TRIES):
            made = _remade(number)
            if made is None or is_dry or not made.recomputed.is_outdated:
                return made and made.recomputed
            if self._commit(corrections.recompute, made, actor=actor, now=now):
                return made.recomputed
        raise OperationalError(f"Session {number} changes faster than it can be recomputed. Try again.")

    @blocking
    def session_numbers(self, after: int) -> list[int]:
        """Return the next hundred or fewer numbers of sessions after one, in order."""
        return corrections.numbers(after)

    @blocking
    def unknown_energy(self) -> list[UnknownEnergy]:
        """Return the newest ended sessions whose energy is not known."""
        return corrections.unknown_energy()

    def request_stop(
        self, number: int, account_id: int | None, now: datetime, actor: str = "", *, needs_active: bool = True
    ) -> Refusal | None:
        """Request a session's stop on behalf of an account; return None if it is under way, else why it is not.

        `actor` is who presses in its name, if it is somebody else. Without an account it is the command line. The
        account has to be active unless the stop only protects, such as that of a lost card.
        """
        made = self._commit(self._stops.request, number, account_id, now, actor, needs_active=needs_active)
        if isinstance(made, PendingRequest):
            self._send(made, now)
            return None
        return made

    @blocking
    def stop_state(self, number: int, now: datetime) -> StopState | None:
        """Return how far the newest request to stop a session has come; None if there is none."""
        return stops.newest_state(number, now)

    def request_start(
        self, identity: str, connector: int, account_id: int, now: datetime, card_id: int | None = None
    ) -> Obstacle | None:
        """Request a session at a connector for a driver; return None if it is under way, else what prevents it.

        It is sent at once or never. A second press, in whatever tab, is the same start.
        """
        try:
            made = self._commit(self._starts.request, identity, connector, account_id, card_id=card_id, now=now)
        except IntegrityError:  # of two presses at the same instant, at two chargers, one sees what the other made
            made = self._commit(self._starts.request, identity, connector, account_id, card_id=card_id, now=now)
        if not isinstance(made, PendingRequest):
            return made
        self._send(made, now)
        return None

    def give_up_start(self, identity: str, connector: int, account_id: int, now: datetime) -> None:
        """Give up the start of a driver at a connector, if one is under way. It is not sent any more."""
        self._commit(self._starts.give_up, identity, connector, account_id, now)

    def end_starts(self, now: datetime, account_id: int | None = None) -> None:
        """Store that starts are over whose card or account ended them, or that somebody overtook."""
        for row_id, end in _ended_starts(account_id):
            self._commit(self._commands.record, row_id, CommandResult(RequestEvent.WITHDRAWN, end), now)

    def request_command(
        self,
        identity: str,
        command: ChargerCommand,
        actor: str,
        now: datetime,
        terms: RequestTerms = RequestTerms(),  # noqa: B008 - frozen
    ) -> int | CommandRefusal | Interrupts:
        """Send a command to a charger, at once or never; return its id, or why it was not requested.

        The same key again returns the same id, and sends nothing. Raise `catalog.Invalid` for arguments out of bounds.
        """
        made = self._commit(self._commands.request, identity, checked(command), actor, now=now, terms=terms)
        return self._published(made, now)

    def send_dry_run(
        self, identity: str, command_id: int, actor: str, now: datetime, agreed: frozenset[int] | None = None
    ) -> int | CommandRefusal | Interrupts:
        """Send the command of a dry run, once; return its id, or why it is not sent. `agreed` is as in its terms."""
        made = self._commit(self._commands.send_dry_run, identity, command_id, actor, now=now, agreed=agreed)
        return self._published(made, now)

    def _published(
        self, made: PendingRequest | int | CommandRefusal | Interrupts, now: datetime
    ) -> int | CommandRefusal | Interrupts:
        if not isinstance(made, PendingRequest):
            return made
        self._send(made, now)
        return made.id

    @blocking
    def command(self, command_id: int, now: datetime) -> CommandView | None:
        """Return a command and its outcome so far."""
        return command_history.get(command_id, now)

    @blocking
    def latest_commands(self, identity: str, now: datetime, limit: int = 20) -> list[CommandView]:
        """Return a charger's commands, the newest first."""
        return command_history.latest(identity, now, limit)

    @blocking
    def settings(self, identity: str) -> SettingsView:
        """Return a charger's settings as it reported them last."""
        return settings.of(identity)

    @blocking
    def behaviour(self, identity: str, now: datetime) -> Behaviour | None:
        """Return what the charger of an identity is like; None if there is none."""
        return behaviour_.of_identity(identity, now)

    def claim(
        self, kind: RequestKind, request_id: int, charger_id: int, connection_id: str, now: datetime
    ) -> ClaimedCommand | None:
        """Take a request for sending; return the command to send, or None if it is not to be sent.

        Only one caller ever gets it, none after its deadline, and none whose connection is not the charger's newest.
        """
        return self._commit(self._requests[kind].claim, request_id, charger_id, connection_id, now)

    def record(self, kind: RequestKind, request_id: int, result: CommandResult, now: datetime) -> None:
        """Record the outcome of a request. One that comes too late to matter changes nothing."""
        self._commit(self._requests[kind].record, request_id, result, now)

    def rebuild_outdated(self, now: datetime) -> None:
        """Rebuild the sessions whose rebuild was put off. Facts can be stored meanwhile, but not of that session."""
        for number in _outdated():
            for _ in range(REBUILD_TRIES):
                if self._commit(rebuild.store_rebuilt, _rebuilt(number), now):
                    break

    def add_up_days(self, now: datetime) -> bool:
        """Split sessions that have ended by days, a bounded number of them; return whether there were as many.

        Any number of processes may do so.
        """
        split = _without_days(now)
        if split:
            self._commit(days.store, split)
        return len(split) == days.MAX_SESSIONS

    def sweep(self, now: datetime) -> None:
        """Apply the deadlines that have passed. Any number of processes may do so."""
        if numbers := _idle_refusals(now):
            self._commit(evidence.end_refused, numbers, now)
        self.end_starts(now)
        for number in _begun_after_all():
            self.request_stop(number, None, now, POLARIS)
        for requests in (self._commands, self._stops):
            for request in _overdue(requests, now):
                state = self._commit(requests.record, request.id, CommandResult(RequestEvent.DEADLINE), now)
                if state is StopState.REQUESTED and not self._send(request, now):
                    return  # Redis is down: leave the rest to the next sweep instead of waiting for it row by row

    def note_offline(self, now: datetime) -> None:
        """Note, for their drivers, that chargers of active sessions are offline. Any number of processes may do so."""
        self._commit(driver_notices.note_offline, now)

    def _send(self, request: PendingRequest, now: datetime) -> bool:
        """Publish a request; return whether Redis took it. Only a PUBLISH without a receiver means offline."""
        try:
            receivers = self._publisher.send_request(request.kind, request.id, request.identity)
        except RedisError as error:
            log.warning("%s: a %s could not be published: %s", request.identity, request.kind.name.lower(), error)
            self.record(request.kind, request.id, CommandResult(RequestEvent.PUBLISH_FAILED), now)
            return False
        if receivers == 0:
            self.record(request.kind, request.id, CommandResult(RequestEvent.NO_RECEIVER), now)
        return True

    def _commit(
        self, work: Callable[Concatenate[list[ChangeNotification], P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Do the work in one transaction, then publish: never from a thread in which the database blocks."""
        return self._commit_for(None, work, *args, **kwargs)

    def _commit_for(
        self,
        publisher: Announcer | None,
        work: Callable[Concatenate[list[ChangeNotification], P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        result, notifications = in_transaction(work, *args, **kwargs)
        (publisher or self._publisher).announce(notifications)
        return result


@blocking
def _card_answer(id_tag: str, charger_id: int, now: datetime) -> CardAnswer:
    return session_cards.card_answer(id_tag, charger_id, now)


@blocking
def _remade(number: int) -> corrections.Remade | None:
    return corrections.remade(number)


@blocking
def _silent(bridge_id: str, now: datetime, silence: timedelta) -> list[FollowUp]:
    return stuck_sessions.silent(bridge_id, now, silence)


@blocking
def _idle_refusals(now: datetime) -> list[int]:
    return evidence.idle_refusals(now)


@blocking
def _ended_starts(account_id: int | None) -> list[tuple[int, StartEnd]]:
    return start_ends.to_store(account_id)


@blocking
def _begun_after_all() -> list[int]:
    return start_ends.to_stop()


@blocking
def _outdated() -> list[int]:
    return rebuild.outdated()


@blocking
def _without_days(now: datetime) -> days.Split:
    return days.outdated(now)


@blocking
def _rebuilt(number: int) -> rebuild.Rebuilt:
    return rebuild.rebuild(number)


@blocking
def _overdue(requests: Stops | Commands, now: datetime) -> list[PendingRequest]:
    return requests.overdue(now)
