"""Store facts of chargers in one transaction: those that many send at once in batches, all others one by one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from peewee import InterfaceError, OperationalError

from polaris.domain.cards import normal_id_tag
from polaris.domain.enums import Authorization
from polaris.domain.facts import (
    ChargerBooted,
    ChargerClockChanged,
    ChargerClockSampled,
    ChargerConnected,
    ChargerDisconnected,
    ChargerNotified,
    ConnectorStatusChanged,
    Fact,
    SessionEnded,
    SessionMetered,
    SessionReported,
    SessionStarted,
)
from polaris.ingest import unknown_cards
from polaris.ingest.facts import (
    card_rows,
    charger_history,
    chargers,
    connectors,
    end_batch,
    meter_batch,
    notices,
    plain_events,
    session_end,
    session_start,
    start_batch,
    transaction_events,
    unprocessable,
)
from polaris.ingest.outcomes import Ended, Limited, Outcome, Started
from polaris.models import blocking, database
from polaris.pubsub import ChangeNotification

log = logging.getLogger(__name__)

# Batch path: facts that many chargers send at once. All others are applied one by one.
_APPLY_BATCH: dict[type[Fact], Callable[..., None]] = {
    ChargerConnected: chargers.connected,
    ChargerDisconnected: chargers.disconnected,
    ChargerBooted: chargers.booted,
}
_APPLY: dict[type[Fact], Callable[..., Outcome]] = {
    ChargerNotified: notices.notified,
    ChargerClockChanged: chargers.clock_changed,
    ChargerClockSampled: charger_history.clock_sampled,
    ConnectorStatusChanged: connectors.status_changed,
    SessionStarted: session_start.started,
    SessionEnded: session_end.ended,
    SessionReported: transaction_events.reported,
}


@blocking
def store(batch: Sequence[Fact], now: datetime) -> tuple[list[Outcome], list[ChangeNotification]]:
    """Store a batch, with at most one fact of each charger; return the outcomes in order, and what has changed.

    If a fact fails the batch, each fact is stored in a transaction of its own, and the failing one is kept as
    unprocessable.
    """
    try:
        return _store_together(batch, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # one bad fact must not fail the rest of the batch
        results = [_store_alone(fact, now) for fact in batch]
        return [outcome for outcome, _ in results], [item for _, notifications in results for item in notifications]


def _store_together(batch: Sequence[Fact], now: datetime) -> tuple[list[Outcome], list[ChangeNotification]]:
    notifications: list[ChangeNotification] = []
    with database.atomic():
        for kind, apply in _APPLY_BATCH.items():
            if of_kind := [fact for fact in batch if type(fact) is kind]:
                apply(notifications, of_kind, now)
        batch, loaded = plain_events.store(batch)
        metered = [fact for fact in batch if type(fact) is SessionMetered]
        told = meter_batch.store(notifications, metered, loaded, now)
        others = [fact for fact in batch if type(fact) in _APPLY]
        answered: dict[int, Outcome] = {charger_id: Limited(limit) for charger_id, limit in told.items()}
        answered |= start_batch.store(notifications, others)
        answered |= end_batch.store(notifications, others)
        outcomes = [
            answered[fact.charger_id] if fact.charger_id in answered else _apply(notifications, fact, now)
            for fact in batch
        ]
        return _with_cards(notifications, batch, outcomes), notifications


def _apply(notifications: list[ChangeNotification], fact: Fact, now: datetime) -> Outcome:
    """Apply a fact of the single-row path. One that the batch path has applied whole has no outcome."""
    apply = _APPLY.get(type(fact))
    return None if apply is None else apply(notifications, fact, now)


def _with_cards(
    notifications: list[ChangeNotification], batch: Sequence[Fact], outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """Return outcomes with the ends of their cards' validity. A start with an unknown card is noted."""
    id_tags = {
        index: fact.id_tag
        for index, fact in enumerate(batch)
        if isinstance(fact, SessionStarted | SessionReported | SessionEnded)
        and isinstance(outcomes[index], Started | Ended)
        and fact.id_tag
    }
    cards = card_rows.find_all(id_tags.values())
    result = list(outcomes)
    for index, id_tag in id_tags.items():
        fact, outcome, card = batch[index], outcomes[index], cards.get(normal_id_tag(id_tag))
        if isinstance(outcome, Started | Ended) and outcome.authorization is not Authorization.INVALID:
            result[index] = replace(outcome, expires_at=card and card.expires_at)
        elif not isinstance(fact, SessionEnded):
            unknown_cards.note(notifications, id_tag, fact.charger_id, fact.received_at)
    return result


def _store_alone(fact: Fact, now: datetime) -> tuple[Outcome, list[ChangeNotification]]:
    try:
        outcomes, notifications = _store_together([fact], now)
        return outcomes[0], notifications
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # without an answer the charger would repeat it and send nothing else
        log.exception("charger %s: a %s could not be applied and is kept raw", fact.charger_id, type(fact).__name__)
        with database.atomic():
            unprocessable.keep_failed(fact, error)
        return None, []
