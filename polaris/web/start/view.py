"""The page of a connector as one driver sees it."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from polaris.domain import start_request
from polaris.domain.enums import ConnectorStatus
from polaris.domain.price_windows import Window
from polaris.domain.start_request import Driver, Obstacle, Place, StartObstacle, StartPhase, StartProgress
from polaris.domain.tariff import Prices

_BADGES: dict[str, str] = {  # by the connector's state
    ConnectorStatus.AVAILABLE: "good",
    ConnectorStatus.PREPARING: "good",
    ConnectorStatus.EV_CONNECTED: "good",
    ConnectorStatus.FAULTED: "bad",
    ConnectorStatus.UNAVAILABLE: "bad",
}
_NEEDS_OPERATOR = frozenset(
    {
        StartObstacle.ACCOUNT_INACTIVE,
        StartObstacle.OUT_OF_ORDER,
        StartObstacle.OUT_OF_SERVICE,
        StartObstacle.OFFLINE,
    }
)
# In which the charger may be at fault: after the second in a row there is another way.
_OF_CHARGER = frozenset({StartPhase.FAILED, StartPhase.UNKNOWN, StartPhase.UNSENT, StartPhase.OFFLINE})
# Which say nothing of a start that cannot be tried again now.
_PASSED = frozenset({StartPhase.GIVEN_UP, StartPhase.TAKEN, StartPhase.ENDED, StartPhase.NOT_PLUGGED_IN})
_PLUGGED_IN = frozenset({ConnectorStatus.PREPARING, ConnectorStatus.EV_CONNECTED, ConnectorStatus.OCCUPIED})
_FREE = frozenset({ConnectorStatus.AVAILABLE, ConnectorStatus.IDLE, ConnectorStatus.RESERVED})


class Card(Struct, frozen=True):
    """A card to choose: its last characters, and whether it is the one that is proposed."""

    id: int
    ending: str
    is_proposed: bool


class StartControl(Struct, frozen=True):
    """The button that starts a session, with what prevents it, and how far the newest start has come.

    `left_s` counts down to the end of the time for the car to be plugged in, `wait_s` to the button's return.
    """

    phase: StartPhase
    obstacle: Obstacle | None
    session: int | None
    left_s: int
    wait_s: int
    account_status: str
    operator_contact: str
    is_online: bool = True
    is_operator: bool = False
    is_sent: bool = False  # the newest start
    is_repeated: bool = False  # the newest start, after one that failed, too
    is_to_unplug: bool = False  # the car that has charged here is there still
    is_plugged_in: bool = False

    @property
    def needs_advice(self) -> bool:
        return self.is_repeated and self.phase in _OF_CHARGER

    @property
    def says_unplug(self) -> bool:
        return self.is_to_unplug and self.button in ("ready", "cooldown")

    @property
    def is_pending(self) -> bool:
        return self.phase in start_request.PENDING

    @property
    def is_failed(self) -> bool:
        return self.phase in start_request.FAILED

    @property
    def leads_to(self) -> int | None:
        """The session whose page takes this one's place. One that came late is said first."""
        return self.session if self.phase is StartPhase.CHARGING else None

    @property
    def button(self) -> str:
        """The form of the button. Only `ready` can be pressed."""
        if self.is_pending or self.phase is StartPhase.CHARGING:
            return "pending"
        if self.phase is StartPhase.LATE:
            return "begun"
        if self.obstacle is not None and self.obstacle.kind is not StartObstacle.COOLING_DOWN:
            return "refused"
        return "cooldown" if self.wait_s else "ready"

    @property
    def why(self) -> StartObstacle | None:
        """The obstacle to a start, if the button says so."""
        return self.obstacle.kind if self.obstacle is not None and self.button == "refused" else None

    @property
    def needs_operator(self) -> bool:
        return self.why in _NEEDS_OPERATOR

    @property
    def status(self) -> str:
        return "pending" if self.button == "pending" else "failed" if self.is_failed else self.button


class StartPage(Struct, frozen=True):
    """The page of a connector as one driver sees it."""

    identity: str
    connector: int
    charger_name: str
    site: str
    address: str
    is_online: bool
    state: str
    prices: Prices | None
    cards: tuple[Card, ...]
    control: StartControl
    sessions: frozenset[int]  # that go on with these cards
    changes_at: datetime | None
    window: Window | None  # of the prices now

    @property
    def is_kept(self) -> bool:
        """Whether the charger waits for this driver's car alone."""
        return self.control.phase is StartPhase.PLUG_IN and self.state in _FREE

    @property
    def badge(self) -> str:
        if not self.is_online:
            return "quiet"
        return "good" if self.is_kept else _BADGES.get(self.state, "warn")


def control(driver: Driver, place: Place, start: StartProgress | None, now: datetime, *, contact: str) -> StartControl:
    """Return the control of a driver's starts at a connector."""
    phase = start_request.phase(start, place, now)
    obstacle = start_request.obstacle(driver, place, start_request.proposed(driver, place))
    if obstacle is not None and phase in _PASSED and not _is_taken(phase, obstacle):
        phase = StartPhase.READY
    is_of_start = start is not None and (start.is_session_active or phase is StartPhase.ENDED)
    return StartControl(
        phase=phase,
        obstacle=obstacle,
        session=start.session if start is not None and is_of_start else place.session,
        left_s=int(start_request.left(start, now).total_seconds()),
        wait_s=_seconds(start_request.cooldown_left(start, now)),
        account_status=driver.status,
        operator_contact=contact,
        is_online=place.is_online,
        is_operator=driver.is_operator,
        is_sent=start is not None and start.is_sent,
        is_repeated=start is not None and start.is_repeated,
        is_to_unplug=place.status == ConnectorStatus.FINISHING,
        is_plugged_in=place.status in _PLUGGED_IN,
    )


def _is_taken(phase: StartPhase, obstacle: Obstacle) -> bool:
    return phase is StartPhase.TAKEN and obstacle.kind is StartObstacle.IN_USE


def state(place: Place) -> str:
    """Return a connector's state as a driver needs it.

    Occupied (OCPP 2.x) may only say that a car is plugged in, and Available may be older than a session.
    """
    if not place.is_allowed:
        return ConnectorStatus.UNAVAILABLE
    is_used = place.is_taken or place.session is not None
    if place.status == ConnectorStatus.OCCUPIED and not is_used:
        return ConnectorStatus.EV_CONNECTED
    is_outdated = is_used and place.status in (ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING)
    return ConnectorStatus.OCCUPIED if is_outdated else place.status


def _seconds(time: timedelta) -> int:
    return -int(-time.total_seconds() // 1)
