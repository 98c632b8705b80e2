"""Timestamps in OCPP messages of every version."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from msgspec import Struct

from polaris.domain import clock
from polaris.domain.clock import RIGHT, Clock
from polaris.domain.clock_drift import Sampler

STORE_INTERVAL = timedelta(minutes=1)  # of a clock's offset; a clock that jumps with every message would store as often


class ChargerClock:
    """The clock of the charger at the other end of a connection, with the offset that is stored."""

    __slots__ = ("_clock", "_is_heard", "_sampler", "_stored", "_stored_at", "sample")

    def __init__(self, offset_s: int = 0) -> None:
        self._stored = timedelta(seconds=offset_s)
        self._stored_at: datetime | None = None
        self._is_heard = False
        self._sampler = Sampler()
        self.sample: tuple[timedelta, datetime] | None = None  # to be stored: how far it was ahead, and when
        self._clock = Clock(max(RIGHT, self._stored))  # one that was years behind begins anew with each boot

    def offset(self, newest: datetime | None, received_at: datetime, *, is_queued: bool) -> timedelta:
        """Return what to take off the instants of a message, learning from its newest."""
        if newest is not None:
            self._is_heard = True
            self._clock = clock.heard(self._clock, newest, received_at, is_queued=is_queued)
            if not is_queued and not self._clock.is_doubted:
                self.sample = self._sampler.heard(newest - received_at, received_at) or self.sample
        return self._clock.offset

    @property
    def is_doubted(self) -> bool:
        """Whether the last message alone says that the clock is wrong."""
        return self._clock.is_doubted

    def offset_to_store(self, at: datetime) -> int | None:
        """Return the offset, in seconds, if it is not the stored one; None if it is, or was stored only just now."""
        if self._clock.offset == self._stored or not self._is_heard or self._clock.is_doubted:
            return None
        if self._stored_at is not None and at - self._stored_at < STORE_INTERVAL:
            return None
        self._stored, self._stored_at = self._clock.offset, at
        return int(self._stored.total_seconds())


class _MeterValue(Protocol):
    @property
    def timestamp(self) -> str: ...


class _Call(Protocol):
    @property
    def received_at(self) -> datetime: ...
    @property
    def clock(self) -> ChargerClock: ...


class Instants(Struct, frozen=True, gc=False):
    """The instants of a message, corrected by the charger's clock."""

    at: datetime | None  # None if it is unreadable or missing
    sampled: list[datetime]  # of its meter values, in their order; the time of receipt for an unreadable one
    sent_at: datetime | None  # `at` as the charger sent it


def of(
    call: _Call, timestamp: str = "", meter_values: Iterable[_MeterValue] = (), *, is_queued: bool = False
) -> Instants:
    """Read all timestamps of a message. Its own tells more of the clock than those of its meter values.

    While the clock is doubted, an instant that cannot be right is left to be replaced by that of the receipt; those of
    meter values from before it keep their distance to it.
    """
    sent_at = read(timestamp)
    sampled = [read(meter_value.timestamp) for meter_value in meter_values]
    known = [at for at in sampled if at is not None]
    offset = call.clock.offset(sent_at or max(known, default=None), call.received_at, is_queued=is_queued)
    if not offset and len(known) == len(sampled):  # nearly always
        return Instants(sent_at, known, sent_at)
    at = sent_at
    if not call.clock.is_doubted:
        at, sampled = _minus(sent_at, offset), [_minus(sampled_at, offset) for sampled_at in sampled]
    elif sent_at is not None:
        sampled = [_minus(one, offset) if one is not None and one < sent_at else one for one in sampled]
    return Instants(at, [sampled_at or call.received_at for sampled_at in sampled], sent_at)


def _minus(at: datetime | None, offset: timedelta) -> datetime | None:
    try:
        return at and at - offset
    except OverflowError:
        return None


def read(text: str) -> datetime | None:
    """Return a timestamp in UTC, or None if it is missing or unreadable. One without a zone is taken as UTC."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.strip())
        if at.tzinfo is UTC:  # nearly always
            return at
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def wired(at: datetime | None) -> str | None:
    """Format a timestamp of any zone, if there is one."""
    return None if at is None else wire(at.astimezone(UTC))


def wire(at: datetime) -> str:
    """Format a timestamp, which has to be in UTC."""
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
