"""Starts that drivers ask for: each is a command's row that names its driver and its connector."""

from __future__ import annotations

from datetime import datetime

from polaris.domain import connectors, start_request
from polaris.domain.commands.catalog import StartCharging
from polaris.domain.enums import RequestEvent, StartEnd
from polaris.domain.start_request import Driver, Obstacle, OwnCard, Place, StartObstacle
from polaris.ingest.requests import (
    CommandResult,
    DriverStart,
    PendingRequest,
    RequestTerms,
    command_rows,
    start_ends,
    start_rows,
)
from polaris.ingest.requests.command_refusals import CommandRefusal
from polaris.ingest.requests.commands import Commands
from polaris.models import Account, Charger
from polaris.pubsub import ChangeNotification

_NOT_FOUND = Obstacle(StartObstacle.NOT_FOUND)
_OBSTACLES = {
    CommandRefusal.NOT_FOUND: StartObstacle.NOT_FOUND,
    CommandRefusal.BLOCKED: StartObstacle.OUT_OF_ORDER,
    CommandRefusal.RETIRED: StartObstacle.NOT_FOUND,
    CommandRefusal.TOO_MANY: StartObstacle.TOO_MANY,
}


class Starts:
    """The starts of all drivers. Each method runs in the caller's transaction."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def request(
        self,
        notifications: list[ChangeNotification],
        identity: str,
        number: int,
        account_id: int,
        *,
        card_id: int | None,
        now: datetime,
    ) -> PendingRequest | Obstacle | None:
        """Make a start at a charger's connector, or return what prevents it; None if the driver's is under way.

        Without a card it is the one that the page would propose. Everything is checked here, whatever a page showed.
        """
        if command_rows.for_charger(identity) is None:  # its lock lets two who press here come one after the other
            return _NOT_FOUND
        charger = start_rows.charger(identity)
        connector = None if charger is None else start_rows.connector(charger, number)
        if charger is None or connector is None:
            return _NOT_FOUND
        evse_id = connectors.evse_id(number)
        for row_id in start_rows.run_out(charger.id, evse_id, account_id, now):
            self._commands.record(notifications, row_id, CommandResult(RequestEvent.DEADLINE), now)
        for row_id, end in start_ends.to_store(account_id, (charger.id, evse_id)):
            self._commands.record(notifications, row_id, CommandResult(RequestEvent.WITHDRAWN, end), now)
        last = start_rows.newest(account_id, charger.id, evse_id)
        driver = start_rows.driver(account_id, (charger.id, evse_id), now)
        place = start_rows.place(charger, connector, account_id, now)
        card = _chosen(driver, place, card_id)
        if start_request.is_under_way(last, now):
            return None
        obstacle = start_request.obstacle(driver, place, card)
        if obstacle is None and start_request.cooldown_left(last, now):
            obstacle = Obstacle(StartObstacle.COOLING_DOWN)
        if obstacle is not None or card is None:
            return obstacle
        return self._made(notifications, charger, card, DriverStart(account_id, evse_id), now)

    def give_up(
        self, notifications: list[ChangeNotification], identity: str, number: int, account_id: int, now: datetime
    ) -> None:
        """End the account's start at a connector, if one is under way. What was sent cannot be taken back."""
        charger, evse_id = start_rows.charger(identity), connectors.evse_id(number)
        row = None if charger is None else start_rows.open_at(account_id, charger.id, evse_id, now)
        if row is not None:
            end = start_ends.of(row) or StartEnd.GIVEN_UP
            self._commands.record(notifications, row.id, CommandResult(RequestEvent.WITHDRAWN, end), now)

    def _made(
        self,
        notifications: list[ChangeNotification],
        charger: Charger,
        card: OwnCard,
        start: DriverStart,
        now: datetime,
    ) -> PendingRequest | Obstacle:
        command, actor = StartCharging(card.id_tag, start.connector), Account.get_by_id(start.account_id).email
        terms = RequestTerms(start=start)
        made = self._commands.request(notifications, charger.identity, command, actor, now=now, terms=terms)
        if isinstance(made, CommandRefusal):
            return Obstacle(_OBSTACLES[made])
        assert isinstance(made, PendingRequest), made  # no key was given, and a start interrupts nothing
        return made


def _chosen(driver: Driver, place: Place, card_id: int | None) -> OwnCard | None:
    """Return the card of that id if it is one of the driver's active ones; without an id, the proposed one."""
    if card_id is None:
        return start_request.proposed(driver, place)
    return next((card for card in driver.cards if card.id == card_id), None)
