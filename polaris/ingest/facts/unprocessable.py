"""Facts that cannot be applied, kept as they came for an operator to look into, and bounded: nothing reads them."""

from __future__ import annotations

from polaris.domain.enums import Alarm
from polaris.domain.facts import Fact
from polaris.domain.limits import MAX_INT32
from polaris.ingest.facts import notices
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import UnprocessableFact

MAX_ROWS = 1000  # of a charger; of more the newest stay. A charger that meters without a session would fill the disk
DELETED_TOGETHER = 64  # about so many rows may be beyond: to count them with each would be most of its cost
MAX_LENGTH = 4096  # characters of JSON of a fact that is answered for what it is: it names nothing that is known
MAX_UNAPPLIED_LENGTH = 65_536  # of one that failed here: its payload is what is left of a session


def keep(fact: Fact, reason: str, max_length: int = MAX_LENGTH) -> None:
    """Keep a fact with its payload, or the beginning of a long one."""
    number = getattr(fact, "number", None)
    kept = UnprocessableFact.create(
        charger=fact.charger_id,
        name=fact.name,
        number=number if number is not None and -MAX_INT32 - 1 <= number <= MAX_INT32 else None,
        reason=fit(reason),
        payload=fit_json(fact.raw, max_length),
        received_at=fact.received_at,
    )
    if kept.id % DELETED_TOGETHER == 0:
        _delete_oldest(fact)


def _delete_oldest(fact: Fact) -> None:
    of_charger = UnprocessableFact.charger == fact.charger_id
    newest = UnprocessableFact.select(UnprocessableFact.id).where(of_charger).order_by(UnprocessableFact.id.desc())
    oldest = newest.offset(MAX_ROWS).limit(1).scalar()
    if oldest is not None:
        UnprocessableFact.delete().where(of_charger, UnprocessableFact.id <= oldest).execute()
        notices.keep(fact.charger_id, Alarm.UNPROCESSABLE, {}, fact.received_at)
