"""View objects of a session's page: the state table of the product, as a function of stored values and `now`.

The templates print these values and decide nothing. `changes_at` is the next instant at which time alone changes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from polaris.domain import evidence
from polaris.domain.behaviour import Cable
from polaris.domain.data_quality import Note
from polaris.domain.enums import ConnectorStatus, Correction, SessionState
from polaris.domain.limits import UNPLUG_WITHIN
from polaris.domain.ocmf import Verdict
from polaris.domain.spelling import letters
from polaris.domain.stop_request import StoppedBy, StopProgress
from polaris.domain.tariff import Money
from polaris.web.sessions import stop
from polaris.web.sessions.kept import Readings
from polaris.web.sessions.limit import LimitView
from polaris.web.sessions.point import Point
from polaris.web.sessions.price import PriceNow
from polaris.web.sessions.receipt import Receipt
from polaris.web.sessions.stop import Stop, StopPhase
from polaris.web.sessions.trace import Trace

MINUTE = timedelta(minutes=1)


class Interruption(StrEnum):
    """The reason why an active session's figures do not grow."""

    NONE = ""
    REFUSED = "refused"  # the card was, and nothing flows all the same
    OFFLINE = "offline"
    AWAITING_END = "awaiting"
    PAUSED = "paused"


_PAUSES = frozenset({ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE})
# Reasons and triggers, by their letters in lower case, after which no cable is left to unplug.
_WITHOUT_CABLE = frozenset(
    {"evdisconnected", "evcommunicationlost", "evdeparted", "unlockcommand", "timeout", "evconnecttimeout"}
)


class _Stated:
    """Properties that follow from a session's state, and from its card's refusal if nothing flows all the same."""

    __slots__ = ()
    state: SessionState
    is_idle_refusal: bool

    @property
    def is_active(self) -> bool:
        return self.state is SessionState.ACTIVE

    @property
    def badge(self) -> str:
        """The session in one word: a refused one is neither in progress nor completed."""
        return Interruption.REFUSED if self.is_idle_refusal else self.state

    @property
    def is_estimated(self) -> bool:
        return self.state is SessionState.ESTIMATED


class _Metered(_Stated):
    """Properties that follow from a session's energy, which is None if it is not known."""

    __slots__ = ()
    energy_wh: int | None

    @property
    def is_unknown(self) -> bool:
        """Whether the session has ended and nobody knows its energy."""
        return self.energy_wh is None and not self.is_active

    @property
    def is_unjudged(self) -> bool:
        """Whether the session runs and its first readings cannot be judged yet."""
        return self.energy_wh is None and self.is_active


class EnergyChange(Struct, frozen=True):
    """A correction of an ended session's energy; a figure that was or is not known is None."""

    at: datetime
    kind: Correction
    before_wh: int | None
    after_wh: int | None
    why: str  # as the operator put it, "" if nobody did


class Signed(Struct, frozen=True):
    """A signed value that came with the reading of an instant, and the reader's words for it."""

    at: datetime
    kwh: str  # what it says: one figure, or the first and the last
    verdict: Verdict
    text: str


class Headline(_Stated, Struct, frozen=True):
    """The header of a session's page, without a revision: it stays the same while readings come."""

    number: int
    state: SessionState
    charger_name: str
    started_at: datetime
    ended_at: datetime | None
    is_idle_refusal: bool = False


class SessionView(_Metered, Struct, frozen=True):
    """A session's page, the argument of each of its fragments. `elapsed_s` and `silent_s` are whole seconds."""

    number: int
    revision: int
    state: SessionState
    charger_name: str
    charger_identity: str
    connector: int
    started_at: datetime
    ended_at: datetime | None
    elapsed_s: int
    energy_wh: int | None
    charger_wh: int | None  # the charger's own figure, which differs if an operator has set one
    power_w: int | None
    average_power_w: int | None
    soc_percent: int | None
    cost: Money | None
    stop_reason: str
    stopped_by: StoppedBy | None  # who asked for the stop here
    paused_by: str  # SuspendedEV, SuspendedEVSE or ""
    is_awaiting_end: bool  # the charger restarted or freed the connector, and its final reading is still to come
    is_online: bool
    is_stale: bool
    last_reading_at: datetime | None
    silent_s: int
    stop: Stop
    readings: Readings
    changes_at: datetime | None
    notes: tuple[Note, ...] = ()  # on the quality of the figures
    corrections: tuple[EnergyChange, ...] = ()  # newest first
    refusal: str = ""  # the answer by which the card was refused (enums.Authorization), or ""
    is_idle_refusal: bool = False  # it was refused, and nothing was charged
    signatures: tuple[Signed, ...] = ()  # the newest signed values of an ended session, newest first
    is_plugged_in: bool = False  # it has just ended, and the cable seems to be plugged in still
    price: PriceNow | None = None  # what there is to say of it while the session goes on
    receipt: Receipt | None = None  # of its cost once it has ended, if that has several parts
    cable: Cable = Cable.UNKNOWN  # what its charger does with it after a stop from here
    limit: LimitView | None = None

    @property
    def timeline(self) -> tuple[Point, ...]:
        """The newest readings, newest first."""
        return self.readings.timeline.rows

    @property
    def has_more_readings(self) -> bool:
        return self.readings.timeline.has_more

    @property
    def curve(self) -> Trace:
        return self.readings.curve

    @property
    def is_cable_held(self) -> bool:
        """Whether the charger holds the cable until a card is tapped. One that ended the session may have let go."""
        return self.cable is Cable.HOLDS and self.stopped_by is not None

    @property
    def is_cable_free(self) -> bool:
        return self.cable is Cable.LETS_GO

    @property
    def is_outpaced(self) -> bool:
        """Whether the meter rises faster than the connector is known to deliver, so that the energy is not known."""
        return self.energy_wh is None and Note.POWER_EXCEEDED in self.notes

    @property
    def is_explained(self) -> bool:
        """Whether a note says why the energy is not known while the session runs."""
        return not {Note.POWER_EXCEEDED, Note.NOT_METERED, Note.UNIT_DOUBTFUL}.isdisjoint(self.notes)

    @property
    def is_decided(self) -> bool:
        """Whether an operator has set the energy."""
        return Note.SET_BY_OPERATOR in self.notes

    @property
    def headline(self) -> Headline:
        return Headline(
            self.number, self.state, self.charger_name, self.started_at, self.ended_at, self.is_idle_refusal
        )

    @property
    def figures(self) -> tuple[object, ...]:
        """The part of the live figures that changes with each reading. `around_figures` is the rest."""
        energy = self.energy_wh, self.is_explained, self.cost
        return *energy, self.power_w, self.elapsed_s, self.soc_percent

    @property
    def around_figures(self) -> tuple[object, ...]:
        place = self.number, self.charger_name, self.connector
        silence = self.is_stale and (self.last_reading_at, self.silent_s)
        refusal = self.refusal, self.is_idle_refusal
        figures = self.notes, self.charger_wh if self.is_decided else self.charger_wh is None
        return *place, self.live_status, self.interruption, self.paused_by, silence, refusal, figures, self.price

    @property
    def is_paused(self) -> bool:
        return self.paused_by != ""

    @property
    def is_paused_by_car(self) -> bool:
        return self.paused_by == ConnectorStatus.SUSPENDED_EV

    @property
    def interruption(self) -> Interruption:
        if self.is_idle_refusal:
            return Interruption.REFUSED
        if not self.is_online:
            return Interruption.OFFLINE
        if self.is_awaiting_end:
            return Interruption.AWAITING_END
        return Interruption.PAUSED if self.is_paused else Interruption.NONE

    @property
    def live_status(self) -> str:
        """The state of the live figures. Old figures matter more than a pause, and less than a lost connection."""
        if self.is_stale and self.is_online:
            return "stale"
        if self.interruption:
            return self.interruption
        return "paused" if self.stop.phase is StopPhase.UNPLUG else "charging"

    @property
    def gauge_percent(self) -> int:
        """The state of charge, within the bounds of its gauge whatever the charger sent."""
        return min(max(self.soc_percent or 0, 0), 100)


def changes_at(
    requests: Sequence[StopProgress],
    last_heard_at: datetime,
    stale_after: timedelta,
    now: datetime,
    *,
    usual_s: int | None = None,
) -> datetime:
    """Return the next instant at which time alone changes an active session's page.

    That is a deadline, the end of a cooldown or of what is usual, the first moment of silence, or another minute of it.
    """
    stale_at = last_heard_at + stale_after
    changes = [stale_at if now < stale_at else now + MINUTE - (now - last_heard_at) % MINUTE]
    stop_at = stop.changes_at(requests, now, usual_s)
    return min(changes if stop_at is None else [*changes, stop_at])


def may_be_plugged_in(stop_reason: str, ended_at: datetime | None, now: datetime, *, is_idle_refusal: bool) -> bool:
    """Whether a session has just ended, and not by its cable: only then does it help to say that it is plugged in."""
    is_by_cable = letters(stop_reason) in _WITHOUT_CABLE
    return ended_at is not None and now < ended_at + UNPLUG_WITHIN and not (is_by_cable or is_idle_refusal)


def paused_by(connector_status: str) -> str:
    """Return SuspendedEV, SuspendedEVSE, or "" if neither side paused."""
    return connector_status if connector_status in _PAUSES else ""


def is_idle_refusal(
    refusal: str, state: str, connector_status: str, *, energy_wh: int | None, power_w: int | None
) -> bool:
    """Whether a session's card was refused, and no energy has flowed all the same."""
    is_idle = evidence.is_idle(state, connector_status, energy_wh=energy_wh, power_w=power_w)
    return refusal != "" and energy_wh == 0 and is_idle


def average_power_w(energy_wh: int | None, duration_s: int) -> int | None:
    """Return the average power in W, or None for a session without duration or known energy."""
    return None if energy_wh is None or duration_s <= 0 else round(energy_wh * 3600 / duration_s)


class SessionRow(_Metered, Struct, frozen=True):
    """A session as a row of a list."""

    number: int
    revision: int
    state: SessionState
    charger_name: str
    started_at: datetime
    ended_at: datetime | None
    elapsed_s: int
    energy_wh: int | None
    power_w: int | None
    cost: Money | None
    is_online: bool
    driver: str  # the owner's e-mail address, for operators; "" if the card has no owner
    is_refused: bool = False  # the card was
    is_idle_refusal: bool = False  # it was, and nothing was charged

    @property
    def is_out_of_reach(self) -> bool:
        """Whether the session runs on a charger that is not connected."""
        return self.is_active and not self.is_online


class RunningSession(Struct, frozen=True):
    """An active session on its charger's page: its row and its stop control."""

    row: SessionRow
    connector: int
    stop: Stop
    changes_at: datetime | None  # when time alone will change the stop control
    limit: LimitView | None = None

    @property
    def number(self) -> int:
        return self.row.number

    @property
    def revision(self) -> int:
        return self.row.revision

    @property
    def is_active(self) -> bool:
        return self.row.is_active

    @property
    def is_in_progress(self) -> bool:
        return not self.row.is_idle_refusal

    @property
    def is_unknown(self) -> bool:
        return self.row.is_unknown
