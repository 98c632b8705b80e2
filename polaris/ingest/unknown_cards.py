"""Cards that were refused because nobody has them, stored for an operator to add. Bounded however many come."""

from __future__ import annotations

from datetime import datetime

from polaris.domain.cards import normal_id_tag, typed
from polaris.ingest.sanitize import fit
from polaris.models import database, to_microseconds
from polaris.pubsub import ChangeNotification, records_changed

MAX_ROWS = 100  # beyond it the one that was tried longest ago is deleted; without it a charger could fill the table

_NOTE = (
    "INSERT INTO unknown_card (id_tag, token_type, charger_id, times, last_at) VALUES ({0}, {0}, {0}, 1, {0})"
    " ON CONFLICT (id_tag) DO UPDATE SET times = unknown_card.times + 1, token_type = excluded.token_type,"
    " charger_id = excluded.charger_id, last_at = excluded.last_at RETURNING times"
)
_DELETE_OLDEST = (
    "DELETE FROM unknown_card WHERE id NOT IN"  # noqa: S608 - a number of ours
    f" (SELECT id FROM unknown_card ORDER BY last_at DESC, id DESC LIMIT {MAX_ROWS})"
)


def note(notifications: list[ChangeNotification], id_tag: str, charger_id: int, now: datetime) -> None:
    """Note that a charger asked about a card that nobody has. One that is too long to be added is left out."""
    key, type_ = normal_id_tag(id_tag), fit(typed(id_tag)[0])
    if fit(key) != key:
        return
    values = (key, type_, charger_id, to_microseconds(now))
    (times,) = database.execute_sql(_NOTE.format(database.param), values).fetchone()
    if times == 1:
        database.execute_sql(_DELETE_OLDEST)
    notifications += records_changed()
