"""The words of notices to drivers, alike in mails and pushes: in the person's language, with the site's clock.

They name the charger and the session, and neither card nor key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal

from polaris.domain.enums import SessionState
from polaris.domain.notices import NEWS_FOR, Occasion
from polaris.domain.tariff import Money, estimate
from polaris.models import Account, Charger, ChargingSession, Notice, Site, blocking
from polaris.translations import Texts


@dataclass(frozen=True, slots=True)
class Told:
    """A notice as it is told: a title, what happened, and the page of its session."""

    texts: Texts
    title: str
    sentences: tuple[str, ...]
    path: str
    account_id: int
    happened_at: datetime


class NoNews(Exception):
    """A notice that is too old to be told."""


@blocking
def told(notice_id: int, now: datetime) -> Told | None:
    """Return a notice in words; None if nobody wants it any more. Raise `NoNews`."""
    query = Notice.select(Notice, Account, ChargingSession, Charger, Site).join(Account)
    query = query.switch(Notice).join(ChargingSession).join(Charger).switch(ChargingSession).join(Site)
    row = query.where(Notice.id == notice_id, Account.erased_at.is_null()).first()
    if row is None:
        return None
    if now - row.happened_at >= NEWS_FOR:
        raise NoNews
    texts = Texts.of(row.account.language or row.language)
    title, *sentences = _WORDS[Occasion(row.occasion)](texts, row)
    path = f"/sessions/{row.session_id}"
    return Told(texts, title, tuple(sentences), path, row.account_id, row.happened_at)


def _ended(texts: Texts, row: Notice) -> tuple[str, ...]:
    session, at = row.session, _time(texts, row, row.happened_at)
    title = texts.gettext("Charging has ended at %(charger)s", charger=session.charger.name)
    sentences = [texts.gettext("It ended at %(at)s.", at=at)]
    if session.effective_wh is None:
        sentences.append(texts.gettext("Its energy is not known yet."))
    else:
        kwh = format_decimal(round(session.effective_wh, -1) / 1000, "#,##0.00", locale=texts.language)
        sentences.append(texts.gettext("Energy: %(kwh)s kWh.", kwh=kwh))
    cost = _cost(session, row.happened_at)
    if cost is not None:
        amount = format_currency(cost.amount, cost.currency, locale=texts.language)
        sentences.append(texts.gettext("Estimated cost: %(amount)s.", amount=amount))
    if session.state == SessionState.ESTIMATED:
        sentences.append(texts.gettext("The charger has not sent the end itself: the figures are estimated."))
    return (title, *sentences)


def _at_limit(texts: Texts, row: Notice) -> tuple[str, ...]:
    title = texts.gettext("Stopped at your limit at %(charger)s", charger=row.session.charger.name)
    return (title, *_ended(texts, row)[1:])


def _not_stopped(texts: Texts, row: Notice) -> tuple[str, ...]:
    charger, at = row.session.charger.name, _time(texts, row, row.happened_at)
    return (
        texts.gettext("Charging was not stopped at %(charger)s", charger=charger),
        texts.gettext("The stop that you asked for had not worked by %(at)s.", at=at),
        texts.gettext("Try again from the session's page, or stop at the charger, with your card or its stop button."),
    )


def _offline(texts: Texts, row: Notice) -> tuple[str, ...]:
    charger, at = row.session.charger.name, _time(texts, row, row.happened_at)
    return (
        texts.gettext("%(charger)s is offline while you charge", charger=charger),
        texts.gettext("It was last heard at %(at)s. Your car may go on charging.", at=at),
        texts.gettext("Until it is back, the page shows no new figures, and cannot stop it. At the charger you can."),
    )


_WORDS = {
    Occasion.ENDED: _ended,
    Occasion.LIMIT: _at_limit,
    Occasion.NOT_STOPPED: _not_stopped,
    Occasion.OFFLINE: _offline,
}


def _cost(session: ChargingSession, at: datetime) -> Money | None:
    prices = session.tariff.prices() if session.tariff else None
    is_idle_refusal = session.is_refused and session.effective_wh == 0
    return estimate(prices, session.usage(at), is_idle_refusal=is_idle_refusal)


def _time(texts: Texts, row: Notice, at: datetime) -> str:
    """Write a time by the site's clock, to the minute."""
    zone = ZoneInfo(row.session.site.time_zone)
    words: str = format_datetime(at, "short", tzinfo=zone, locale=texts.language)
    return words
