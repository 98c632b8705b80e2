"""Owns the cast of the bridge's tests: a running bridge, its chargers and cards, and what the database says of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import redis

from polaris import charger_keys
from polaris.config import Config
from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.commands.lifecycle import GRACE
from polaris.domain.enums import AccountStatus, CardStatus, Role
from polaris.ingest import CommandView, Ingest
from polaris.models import (
    Account,
    Charger,
    ChargingSession,
    Command,
    EvCard,
    MeterReading,
    Site,
    StopRequest,
    UnprocessableFact,
)
from polaris.pubsub import Publisher, commands_channel
from simulator.charger import Charger as VirtualCharger
from simulator.charger_v2 import ChargerV2
from tests.support import schemas
from tests.support.wait import WITHIN_S, eventually

T = TypeVar("T")

KEY = "0123456789abcdef0123456789abcdef"
A_MOMENT_S = 0.000_001
_numbers = itertools.count(1)


@dataclass
class Depot:
    """A bridge's address and its database, which this process's models are bound to."""

    config: Config
    url: str
    chargers: list[VirtualCharger] = field(default_factory=list)

    def identity(self, key: str | bytes = KEY) -> str:
        """Make a charger and return its identity."""
        identity = f"yard-{next(_numbers)}"  # not one of the cast of others, with whom it may share a Valkey
        site, _ = Site.get_or_create(name="Depot")
        raw = key.encode() if isinstance(key, str) else key
        key_hash, version = charger_keys.hashed(self.config.charger_key_secrets, identity, raw)
        Charger.create(identity=identity, name=identity, site=site, key_hash=key_hash, key_version=version)
        return identity

    def charger(self, identity: str = "", key: str | bytes | None = KEY, **wire: Any) -> VirtualCharger:
        """A simulated charger, one of its own where none is named. Every frame it gets is checked at the end."""
        wire = {"max_pause_s": 0.5} | wire
        charger = VirtualCharger(self.url, identity or self.identity(key or KEY), key, **wire)
        self.chargers.append(charger)
        return charger

    def charger_v2(self, identity: str = "", key: str | bytes = KEY, **wire: Any) -> ChargerV2:
        """The same with OCPP 2.x: 2.0.1 where `subprotocols` does not say otherwise."""
        charger = ChargerV2(self.url, identity or self.identity(key), key, **{"max_pause_s": 0.5} | wire)
        self.chargers.append(charger)
        return charger

    def card(
        self, status: CardStatus = CardStatus.ACTIVE, account_status: AccountStatus = AccountStatus.ACTIVE
    ) -> EvCard:
        """A driver's card."""
        number = next(_numbers)
        account = Account.create(
            email=f"ada-{number}@example.com",
            role=Role.DRIVER,
            status=account_status,
            password_hash="-",
            created_at=now(),
        )
        return EvCard.create(account=account, id_tag=f"CARD-{number}", status=status, created_at=now())

    def listeners(self, identity: str) -> int:
        """How many bridges listen for a charger's commands."""
        with redis.Redis.from_url(self.config.redis_url) as client:
            count: int = client.pubsub_numsub(commands_channel(identity))[0][1]
            return count

    def request_stop(self, session: ChargingSession) -> int:
        """Ask for a session's stop as its driver, once a bridge listens for it, and return the request's id."""
        eventually(lambda: self.listeners(session.charger.identity))
        return self.ask_stop(session)

    def ask_stop(self, session: ChargingSession) -> int:
        """The same whether or not a bridge listens."""
        refusal = self.ingest(lambda ingest: ingest.request_stop(session.number, session.account_id, now()))
        assert refusal is None, refusal
        return stop_requests(session.number)[-1].id

    def without_patience(self) -> Depot:
        """The same, where what is asked for has run out by the time that it could be sent."""
        return replace(self, config=replace(self.config, stop_answer_s=A_MOMENT_S, command_answer_s=A_MOMENT_S))

    def command(self, identity: str, command: ChargerCommand) -> int:
        """Ask a charger for something, and return the command's id."""
        made = self.ingest(lambda ingest: ingest.request_command(identity, command, "olga@example.com", now()))
        assert isinstance(made, int), made
        return made

    def commanded(self, command_id: int) -> CommandView:
        """A command as it is now."""
        found = self.ingest(lambda ingest: ingest.command(command_id, now()))
        assert found is not None
        return found

    def ingest(self, verb: Callable[[Ingest], T]) -> T:
        """Do one of the web's verbs."""
        publisher = Publisher(self.config.redis_url)
        try:
            return verb(Ingest(self.config, publisher))
        finally:
            publisher.close()

    def administer(self, verb: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Do one of administration's verbs that take a publisher, and publish what it announces."""
        publisher = Publisher(self.config.redis_url)
        try:
            return verb(publisher, *arguments, **{"actor": "olga@example.com", "now": now()} | options)
        finally:
            publisher.close()

    def check_frames(self) -> None:
        """Everything that the bridge sent is valid OCPP."""
        for charger in self.chargers:
            schemas.check(charger.connection.frames, charger.connection.subprotocol)


def now() -> datetime:
    return datetime.now(UTC)


def is_of_since(before: datetime, said: str) -> bool:
    """Whether an instant on the wire, which has milliseconds, lies between then and now."""
    at, slack = datetime.fromisoformat(said), timedelta(milliseconds=1)
    return before - slack <= at <= now() + slack


def row(identity: str) -> Charger:
    return Charger.get(Charger.identity == identity)


def session(number: int) -> ChargingSession:
    return ChargingSession.get_by_id(number)


def sessions(identity: str) -> list[ChargingSession]:
    query = ChargingSession.select().join(Charger).where(Charger.identity == identity)
    return list(query.order_by(ChargingSession.number))


def readings(number: int) -> list[MeterReading]:
    return list(
        MeterReading.select().where(MeterReading.session == number).order_by(MeterReading.sampled_at, MeterReading.id)
    )


def unprocessable_facts(identity: str) -> list[UnprocessableFact]:
    return list(
        UnprocessableFact.select().join(Charger).where(Charger.identity == identity).order_by(UnprocessableFact.id)
    )


def stop_requests(number: int) -> list[StopRequest]:
    return list(StopRequest.select().where(StopRequest.session == number).order_by(StopRequest.id))


def stop_state(number: int) -> str:
    return stop_requests(number)[-1].state


def stop_runs_out(number: int) -> None:
    """Let the deadline of a session's latest stop request be now, however long it was."""
    latest = stop_requests(number)[-1]
    StopRequest.update(deadline_at=now()).where(StopRequest.id == latest.id).execute()


def command_runs_out(command_id: int) -> None:
    """Let the deadline of a command, and what is granted beyond it, be over now."""
    Command.update(deadline_at=now() - GRACE).where(Command.id == command_id).execute()


async def overdue(number: int) -> None:
    """Let a stop that is accepted and does not come run out: it is asked for once more, and then given up."""
    for attempt in (1, 2):
        await until(lambda attempt=attempt: _accepted(number) == attempt)  # type: ignore[misc]
        stop_runs_out(number)
    await until(lambda: stop_state(number) == "overdue")


def _accepted(number: int) -> int:
    """How often a session's latest stop request was accepted, 0 while it is open otherwise."""
    latest = stop_requests(number)[-1]
    return latest.attempts if latest.state == "accepted" else 0


async def until(condition: Callable[[], T], *, timeout_s: float = WITHIN_S) -> T:
    """Return the first true value of `condition`, leaving the event loop to others meanwhile."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not (last := condition()):
        assert loop.time() < deadline, f"not so within {timeout_s} s; last seen: {last!r}"
        await asyncio.sleep(0.02)
    return last
