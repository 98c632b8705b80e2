"""Owns chargers with a history: their stops, connections and firmwares of weeks, as ingest would have stored them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from polaris.domain.enums import SessionState, StopState
from polaris.domain.stop_request import StopProgress
from polaris.models import (
    ChargerConnection,
    ChargerFirmware,
    ChargingSession,
    Command,
    SessionNote,
    StopRequest,
    blocking,
)

ANSWERED_AFTER = timedelta(seconds=0.4)
APART = timedelta(hours=8)  # from one session to the next


@dataclass(frozen=True)
class History:
    """The history of a charger that ends at `now`."""

    charger_id: int
    account_id: int
    now: datetime

    @blocking
    def stops(self, ends_s: Sequence[float | None], *, ago: timedelta = timedelta(), notes: Iterable[str] = ()) -> None:
        """Store a session for each of these, the newest first, and its stop: ended after so long, or refused."""
        for number, end_s in enumerate(ends_s):
            self._stop(self.now - ago - (number + 1) * APART, end_s, notes)

    def _stop(self, sent_at: datetime, end_s: float | None, notes: Iterable[str]) -> None:
        answered_at = sent_at + ANSWERED_AFTER
        ended_at = answered_at + timedelta(seconds=end_s or 0)
        session = ChargingSession.create(
            site=1,
            charger=self.charger_id,
            connector=1,
            id_tag="ADA-1",
            authorization="Accepted",
            start_key=f"start at {sent_at}",
            state=SessionState.COMPLETED,
            started_at=sent_at - timedelta(hours=1),
            ended_at=ended_at,
            start_received_at=sent_at - timedelta(hours=1),
            end_received_at=ended_at,
            stop_reason="Remote",
            meter_start_wh=0,
            last_heard_at=ended_at,
        )
        for note in notes:
            SessionNote.create(session=session, kind=note, at=sent_at)
        state = StopState.REJECTED if end_s is None else StopState.COMPLETED
        progress = StopProgress(state, sent_at, answered_at + timedelta(minutes=1), ended_at)
        StopRequest.create(
            session=session,
            account=self.account_id,
            state=progress.state,
            requested_at=sent_at,
            deadline_at=progress.deadline_at,
            decided_at=progress.decided_at,
            charger=self.charger_id,
            sent_at=sent_at,
            answered_at=answered_at,
        )

    @blocking
    def cables(self, needed: Sequence[bool]) -> None:
        """Store for the newest stops whether a card was needed to get the cable."""
        newest = StopRequest.select().where(StopRequest.charger == self.charger_id).order_by(StopRequest.sent_at.desc())
        for stop, is_card_needed in zip(list(newest), needed, strict=False):
            StopRequest.update(is_card_needed=is_card_needed, freed_at=self.now).where(
                StopRequest.id == stop.id
            ).execute()

    @blocking
    def commands(self, states: Sequence[str], *, answer_s: float = 1.0) -> None:
        """Store a command for each state, the newest last; those that timed out have no answer."""
        for number, state in enumerate(states):
            sent_at = self.now - (len(states) - number) * APART
            Command.create(
                charger=self.charger_id,
                kind="reset",
                arguments="{}",
                state=state,
                requested_by="tests",
                requested_at=sent_at,
                deadline_at=sent_at + timedelta(seconds=15),
                sent_at=sent_at,
                answered_at=None if state == "timed_out" else sent_at + timedelta(seconds=answer_s),
            )

    @blocking
    def firmware(self, version: str, *, ago: timedelta, serial: str = "1") -> None:
        ChargerFirmware.create(
            charger=self.charger_id,
            since_at=self.now - ago,
            vendor="Evbox",
            model="Elvi",
            serial=serial,
            firmware=version,
        )

    @blocking
    def gone(self, times: int, *, at: timedelta, lasted: timedelta, ended_by: str = "charger") -> None:
        """Store that it was gone once a day, so long before `now` of that day, up to the last of its connections."""
        for number in range(times + 1):
            ended_at = self.now - at - number * timedelta(days=1)
            ChargerConnection.create(
                charger=self.charger_id,
                slot=number,
                connected_at=ended_at - timedelta(days=1) + lasted,
                ended_at=ended_at,
                ended_by=ended_by,
            )
