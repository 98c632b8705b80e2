"""The queries of Home: from stored rows to its view. The first rendering, every push and every reconnect read here."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from peewee import SQL

from polaris.domain import start_request, zones
from polaris.domain.enums import SessionState
from polaris.domain.filters import Wrong
from polaris.domain.sentences import say
from polaris.domain.start_request import StartPhase
from polaris.ingest import days
from polaris.ingest.requests import start_rows
from polaris.lists import sites
from polaris.lists.sites import ChargerRow
from polaris.models import ChargingSession, EvCard, Site, blocking
from polaris.web.home import bars, view
from polaris.web.home.bars import Bars, Period
from polaris.web.home.view import Bay, ChargerPlace, HomeFilter, HomeView, Recent, SiteChargers, Starting
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions import rows
from polaris.web.sessions.view import RunningSession

RECENT_ROWS = 5
CHARGER_ROWS = 12


@blocking
def show(account_id: int, period: Period, now: datetime) -> HomeView:
    """Read all of a driver's part."""
    running = _running(account_id, now)
    recent = _recent(account_id, now, is_running=bool(running))
    return HomeView(running, recent, _bars(account_id, period, now), _starting(account_id, now))


@blocking
def running(account_id: int, now: datetime) -> HomeView:
    """Read what charges now."""
    return HomeView(_running(account_id, now), starting=_starting(account_id, now))


@blocking
def chargers(site_id: int, after_id: int | None, period: Period, now: datetime) -> SiteChargers | None:
    """Read a page of a site's chargers; None if the site is no more."""
    site = Site.get_or_none(Site.id == site_id)
    if site is None:
        return None
    page = sites.chargers(site_id, now, after_id, CHARGER_ROWS)
    return SiteChargers(site.name, site.address, tuple(map(_place, page.rows)), page.next_id, period)


@blocking
def with_site(wanted: HomeFilter, account_id: int) -> tuple[HomeFilter, int | None]:
    """Return a filter with a site that is there, and its id: what was asked for, or where the driver charged last."""
    site_id = sites.site_id(wanted.site) if wanted.site else None
    if wanted.site and site_id is None:
        wrong = Wrong("site", wanted.site, say("There is no site %(name)s.", name=wanted.site))
        wanted = replace(wanted, site="", wrong=(*wanted.wrong, wrong))
    site = Site.get_by_id(site_id) if site_id is not None else _last_site(account_id)
    return (wanted, None) if site is None else (replace(wanted, site=site.name), site.id)


def _last_site(account_id: int) -> Site | None:
    newest = ChargingSession.select(ChargingSession.site).where(ChargingSession.account == account_id)
    session = newest.order_by(ChargingSession.number.desc()).first()
    query = Site.select().order_by(Site.name) if session is None else Site.select().where(Site.id == session.site_id)
    found: Site | None = query.first()
    return found


def _running(account_id: int, now: datetime) -> tuple[RunningSession, ...]:
    # No session that goes on has days: the index of those without finds them among ten thousand.
    return session_queries.running_sessions((ChargingSession.account == account_id) & SQL("NOT has_days"), now)


def _starting(account_id: int, now: datetime) -> tuple[Starting, ...]:
    found = ((bay, start, start_request.of_command(start, now)) for bay, start in start_rows.under_way(account_id, now))
    return tuple(
        Starting(
            bay.identity,
            bay.connector,
            bay.charger_name,
            is_accepted=phase is StartPhase.PLUG_IN,
            left_s=int(start_request.left(start, now).total_seconds()),
            changes_at=start_request.changes_at(start, None, now),
        )
        for bay, start, phase in found
        if phase in start_request.PENDING
    )


def _recent(account_id: int, now: datetime, *, is_running: bool) -> Recent:
    is_ended = (ChargingSession.account == account_id) & (ChargingSession.state != SessionState.ACTIVE)
    newest = rows.query().where(is_ended).order_by(ChargingSession.number.desc()).limit(RECENT_ROWS)
    numbers = [number for (number,) in newest]
    has_card = bool(EvCard.select().where(EvCard.account == account_id).exists())
    found = tuple(session_queries.session_rows(account_id, numbers, now))
    return Recent(found, is_running and not found, has_card)


def _bars(account_id: int, period: Period, now: datetime) -> Bars:
    today = _today(account_id, now)
    return bars.bars(period, days.of_account(account_id, bars.first_day(period, today), now), today)


def _today(account_id: int, now: datetime) -> date:
    """Return the day at the site where the driver charged last."""
    site = _last_site(account_id)
    return now.astimezone(zones.zone("UTC" if site is None else site.time_zone)).date()


def _place(row: ChargerRow) -> ChargerPlace:
    bays = tuple(
        Bay(
            connector.number,
            view.free(
                connector.status,
                is_online=row.is_online,
                is_blocked=row.is_blocked,
                has_session=connector.session is not None,
            ),
        )
        for connector in row.connectors
    )
    return ChargerPlace(row.id, row.identity, row.name, bays)
