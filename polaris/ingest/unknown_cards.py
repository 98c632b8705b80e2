"""Cards that were refused because nobody has them, stored for an operator to add. Bounded however many come."""

from __future__ import annotations

from datetime import datetime

from polaris.domain.cards import normal_id_tag, typed
from polaris.ingest.sanitize import fit
from polaris.models import UnknownCard
from polaris.pubsub import ChangeNotification

MAX_ROWS = 100  # beyond it the one that was tried longest ago is deleted; without it a charger could fill the table


def note(_: list[ChangeNotification], id_tag: str, charger_id: int, now: datetime) -> None:
    """Note that a charger asked about a card that nobody has. One that is too long to be added is left out."""
    key, type_ = normal_id_tag(id_tag), fit(typed(id_tag)[0])
    if fit(key) != key:
        return
    values = {"token_type": type_, "charger": charger_id, "last_at": now}
    card = UnknownCard.id_tag == key
    if UnknownCard.update(times=UnknownCard.times + 1, **values).where(card).execute():
        return
    UnknownCard.insert(id_tag=key, times=1, **values).on_conflict_ignore().execute()  # another bridge may have done so
    newest = UnknownCard.select(UnknownCard.id).order_by(UnknownCard.last_at.desc(), UnknownCard.id.desc())
    UnknownCard.delete().where(UnknownCard.id.not_in(newest.limit(MAX_ROWS))).execute()
