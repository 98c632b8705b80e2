"""The lines of a list of sessions: who charged where, when, how much and for what, and what of it is in doubt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from polaris.domain import cards, evidence, tariff
from polaris.domain.data_quality import Note
from polaris.domain.enums import SessionState
from polaris.domain.tariff import Money, Prices
from polaris.models import (
    EFFECTIVE_WH,
    Account,
    Charger,
    ChargingSession,
    RowQuery,
    SessionNote,
    Site,
    blocking,
)
from polaris.models.session import usage_of
from polaris.models.tariff import PRICE_COLUMNS

REFUSED = "refused"


class SessionLine(Struct, frozen=True):
    """A session in a list. Its energy and cost are None if they are not known."""

    number: int
    state: SessionState
    driver: str  # "" if the card has no owner
    id_tag: str
    charger_name: str
    charger_identity: str
    connector: int
    site: str
    time_zone: str
    started_at: datetime
    ended_at: datetime | None
    duration_s: int
    energy_wh: int | None
    cost: Money | None
    is_refused: bool  # its card was
    is_idle_refusal: bool  # it was, and nothing was charged
    notes: tuple[Note, ...]

    @property
    def card(self) -> str:
        """The card for a person to read."""
        return cards.shown(self.id_tag)

    @property
    def card_ends(self) -> str:
        """The card as its driver knows it, "" if there was none."""
        return cards.last_four(self.id_tag) if self.id_tag else ""

    @property
    def is_active(self) -> bool:
        return self.state is SessionState.ACTIVE

    @property
    def badge(self) -> str:
        """The session in one word."""
        return REFUSED if self.is_idle_refusal else self.state

    @property
    def is_estimated(self) -> bool:
        return self.state is SessionState.ESTIMATED


class _Stored(NamedTuple):
    number: int
    state: str
    driver: str | None
    id_tag: str
    transaction_id: str | None
    authorization: str
    connector_status: str
    power_w: int | None
    charger_name: str
    charger_identity: str
    connector: int
    site: str
    time_zone: str
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int | None
    charger_wh: int | None
    border_wh: str
    over_at: datetime | None
    currency: str | None
    per_kwh: Decimal
    per_minute: Decimal
    per_session: Decimal
    tax_percent: Decimal
    idle_per_minute: Decimal
    idle_grace_s: int
    schedule: str

    def line(self, notes: Sequence[Note], now: datetime) -> SessionLine:
        usage = usage_of(self, now, energy_wh=self.energy_wh, metered_wh=self.charger_wh)
        is_idle_refusal = self.is_idle_refusal
        return SessionLine(
            number=self.number,
            state=SessionState(self.state),
            driver=self.driver or "",
            id_tag=self.id_tag,
            charger_name=self.charger_name,
            charger_identity=self.charger_identity,
            connector=self.connector,
            site=self.site,
            time_zone=self.time_zone,
            started_at=self.started_at,
            ended_at=self.ended_at,
            duration_s=usage.duration_s,
            energy_wh=self.energy_wh,
            cost=tariff.estimate(Prices.of(self), usage, is_idle_refusal=is_idle_refusal),
            is_refused=self.is_refused,
            is_idle_refusal=is_idle_refusal,
            notes=tuple(notes),
        )

    @property
    def is_refused(self) -> bool:
        return evidence.is_refusal(self.authorization, self.id_tag, self.transaction_id)

    @property
    def is_idle_refusal(self) -> bool:
        is_idle = evidence.is_idle(self.state, self.connector_status, energy_wh=self.energy_wh, power_w=self.power_w)
        return self.is_refused and self.energy_wh == 0 and is_idle


class _Noted(NamedTuple):
    session_id: int
    kind: str


_SESSIONS = RowQuery(
    _Stored,
    ChargingSession,
    "SELECT {columns} FROM charging_session"
    " JOIN charger ON charger.id = charging_session.charger_id"
    " JOIN site ON site.id = charging_session.site_id"
    " LEFT JOIN account ON account.id = charging_session.account_id"
    " LEFT JOIN tariff ON tariff.id = charging_session.tariff_id"
    " WHERE charging_session.number IN ({marks})",
    driver=Account.email,
    charger_name=Charger.name,
    charger_identity=Charger.identity,
    site=Site.name,
    time_zone=Site.time_zone,
    energy_wh=EFFECTIVE_WH,
    charger_wh=ChargingSession.energy_wh,
    **PRICE_COLUMNS,
)
_NOTES = RowQuery(_Noted, SessionNote, "SELECT {columns} FROM session_note WHERE session_id IN ({marks}) ORDER BY id")


@blocking
def of_numbers(numbers: Sequence[int], now: datetime) -> list[SessionLine]:
    """Return the lines of sessions in the order of these numbers."""
    notes: defaultdict[int, list[Note]] = defaultdict(list)
    for noted in _NOTES.rows(numbers):
        notes[noted.session_id].append(Note(noted.kind))
    rows = {row.number: row for row in _SESSIONS.rows(numbers)}
    return [rows[number].line(notes[number], now) for number in numbers if number in rows]
