"""Sessions as a list: by status, day, driver, card, charger and site, and whether anything of them is in doubt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Any, ClassVar

from peewee import SQL, fn

from polaris.domain import filters, zones
from polaris.domain.cards import normal_id_tag
from polaris.domain.enums import SessionState
from polaris.domain.filters import Filter, Values
from polaris.lists import sites
from polaris.lists.search import Condition, Counted, Found, Search, stored, unindexed
from polaris.models import Account, Charger, ChargingSession, EvCard, SessionNote, Site, blocking

# As the partial indexes have it: SQLite uses none of them for a parameter.
ACTIVE = SQL(f"'{SessionState.ACTIVE}'")


Span = tuple[datetime | None, datetime | None]
Spans = Mapping[tzinfo, Span]
Zones = Mapping[tzinfo, list[int]]

OWN_PLACES = filters.PLACES - {"after", "page", "taps", "totals", "wall"}  # what a driver's list has beside its filter


class Status(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"


ALL = "all"
STATUS_WORDS = {Status.ACTIVE.value: "In progress", Status.COMPLETED.value: "Completed"}


@dataclass(frozen=True, slots=True)
class SessionFilter(Filter):
    """The sessions that are wanted. A session is of the day on which it started, by its site's clock."""

    NAMES: ClassVar = {
        "status": "status",
        "from": "from_day",
        "to": "to_day",
        "driver": "driver",
        "card": "card",
        "charger": "charger",
        "site": "site",
        "in_doubt": "in_doubt",
    }

    status: str = ""
    from_day: date | None = None
    to_day: date | None = None
    driver: str = ""  # e-mail address
    card: str = ""
    charger: str = ""  # identity
    site: str = ""  # name
    in_doubt: bool = False
    card_id: int | None = None  # of an owner's card
    owner_id: int | None = None  # the account that it is all about, if it is not about everybody

    @classmethod
    def of(cls, values: Mapping[str, str]) -> SessionFilter:
        """Parse a URL's parameters."""
        read = Values(values, cls.NAMES)
        from_day, to_day = read.days("from", "to")
        return cls(
            status=_status(read),
            from_day=from_day,
            to_day=to_day,
            driver=read.email("driver"),
            card=read.card("card"),
            charger=read.text("charger"),
            site=sites.wanted(read),
            in_doubt=read.flag("in_doubt"),
            wrong=read.wrong,
        )

    @property
    def is_set(self) -> bool:
        return bool(self.parameters())


@dataclass(frozen=True, slots=True)
class OwnFilter(SessionFilter):
    """The sessions that a driver wants. A card is named by its row: its id tag, which can be copied, is in no URL."""

    NAMES: ClassVar = {"status": "status", "from": "from_day", "to": "to_day", "card": "card_id", "charger": "charger"}

    @classmethod
    def of_owner(cls, owner_id: int, values: Mapping[str, str]) -> OwnFilter:
        """Parse a URL's parameters."""
        read = Values(values, cls.NAMES, OWN_PLACES)
        from_day, to_day = read.days("from", "to")
        return cls(
            status=_status(read),
            from_day=from_day,
            to_day=to_day,
            card_id=_own_card(read, owner_id),
            charger=read.text("charger"),
            owner_id=owner_id,
            wrong=read.wrong,
        )


def _status(read: Values) -> str:
    status = read.choice("status", (*Status, ALL), STATUS_WORDS)
    return "" if status == ALL else status


@blocking
def _own_card(read: Values, owner_id: int) -> int | None:
    """Read the card of a filter, which has to be the owner's."""
    card_id = read.number("card")
    if card_id is None or EvCard.select().where(EvCard.id == card_id, EvCard.account == owner_id).exists():
        return card_id
    read.refuse("card", f"You have no card {card_id}.")
    return None


@blocking
def page(wanted: SessionFilter, limit: int, before: int | None = None) -> Found:
    """Find the numbers of the newest sessions that are wanted, or of those older than the session `before`."""
    return _search(wanted).page(limit, before)


@blocking
def count(wanted: SessionFilter) -> Counted:
    """Count the sessions that are wanted, up to a bound."""
    return _search(wanted).count()


def _search(wanted: SessionFilter) -> Search:
    zones = _zones(wanted.site) if wanted.from_day or wanted.to_day else {}
    spans = {zone: _span(wanted, zone) for zone in zones}
    return Search(
        ChargingSession.started_at,
        ChargingSession.number,
        from_at=min((from_at for from_at, _ in spans.values() if from_at is not None), default=None),
        until_at=max((until_at for _, until_at in spans.values() if until_at is not None), default=None),
        indexed=tuple(_indexed(wanted)),
        usual=(ChargingSession.state != ACTIVE,) if wanted.status == Status.COMPLETED else (),
        checked=tuple(_checked(wanted, zones, spans)),
        is_void=bool(wanted.wrong),
    )


def _indexed(wanted: SessionFilter) -> Iterator[Condition]:
    session = ChargingSession
    if wanted.status == Status.ACTIVE:
        yield Condition(session.state, ACTIVE)
    if wanted.owner_id is not None:
        yield Condition(session.account, wanted.owner_id, is_ordered=True)
    if wanted.driver:
        yield Condition(session.account, Account.select(Account.id).where(Account.email == wanted.driver))
    if wanted.card:
        yield Condition(session.id_tag, normal_id_tag(wanted.card))
    if wanted.card_id is not None:
        of_owner = EvCard.select(EvCard.id_tag).where(EvCard.id == wanted.card_id, EvCard.account == wanted.owner_id)
        yield Condition(session.id_tag, of_owner)
    if wanted.charger:
        is_named = fn.LOWER(Charger.identity) == wanted.charger.lower()
        yield Condition(session.charger, Charger.select(Charger.id).where(is_named))
    if wanted.site:
        site = Site.get_or_none(Site.name == wanted.site)
        yield Condition(session.site, site.id if site else 0, is_ordered=True)


def _checked(wanted: SessionFilter, zones: Zones, spans: Spans) -> Iterator[Any]:
    if wanted.in_doubt:
        has_note = SessionNote.select().where(SessionNote.session == ChargingSession.number)
        yield (ChargingSession.state == SessionState.ESTIMATED) | fn.EXISTS(has_note)
    if len(zones) > 1:
        yield reduce(or_, (_is_of_zone(site_ids, spans[zone]) for zone, site_ids in zones.items()))


def _is_of_zone(site_ids: list[int], span: Span) -> Any:
    """Return the condition of the sessions at some sites that started in a span."""
    is_there = unindexed(ChargingSession.site).in_(site_ids)
    from_at, until_at = span
    if from_at is not None:
        is_there &= unindexed(ChargingSession.started_at) >= stored(from_at)
    if until_at is not None:
        is_there &= unindexed(ChargingSession.started_at) < stored(until_at)
    return is_there


def _span(wanted: SessionFilter, zone: tzinfo) -> Span:
    from_at = None if wanted.from_day is None else filters.began(wanted.from_day, zone)
    return from_at, None if wanted.to_day is None else filters.ended(wanted.to_day, zone)


def _zones(site: str) -> Zones:
    """Return the time zones of all sites, or of one, each with the ids of its sites."""
    sites = Site.select(Site.id, Site.time_zone)
    found: defaultdict[tzinfo, list[int]] = defaultdict(list)
    for row in sites.where(Site.name == site) if site else sites:
        found[zones.zone(row.time_zone)].append(row.id)
    return found
