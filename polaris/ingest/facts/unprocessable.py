"""Facts that cannot be applied, kept as they came for an operator to look into, and bounded: nothing reads them.

They were acknowledged, so that what is kept of one may be all that is left of it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from polaris.domain.enums import Alarm
from polaris.domain.facts import Fact, SessionEnded
from polaris.domain.limits import MAX_INT32
from polaris.ingest.facts import notices
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import UnprocessableFact

MAX_ROWS = 1000  # of a charger; of more the newest stay. A charger that meters without a session would fill the disk
MAX_FAILED_ROWS = 5000  # apart from those: what failed here must not give way to readings that fit nothing
DELETED_TOGETHER = 64  # about so many rows may be beyond: to count them with each would be most of its cost
MAX_LENGTH = 4096  # characters of JSON of a fact that is answered for what it is: it names nothing that is known
MAX_FINAL_LENGTH = 65_536  # of one of a session that is final; it may have readings
FINAL = "the session is final"
FAILED = "could not be applied"

_kept: Counter[tuple[int, bool]] = Counter()  # of each charger: ids are of all, and may leave one of two out for ever


def keep(fact: Fact, reason: str) -> None:
    """Keep a fact with its payload, or the beginning of a long one. An end is kept whole: it may be a session's all."""
    max_length = MAX_FINAL_LENGTH if reason == FINAL else MAX_LENGTH
    _keep(fact, reason, None if isinstance(fact, SessionEnded) else max_length)


def keep_failed(fact: Fact, error: Exception) -> None:
    """Keep a fact whole that failed here: it may be all that is left of a session. Its frame was bounded."""
    _keep(fact, f"{FAILED}: {type(error).__name__}", None)


def _keep(fact: Fact, reason: str, max_length: int | None) -> None:
    number = getattr(fact, "number", None)
    UnprocessableFact.create(
        charger=fact.charger_id,
        name=fact.name,
        number=number if number is not None and -MAX_INT32 - 1 <= number <= MAX_INT32 else None,
        reason=fit(reason),
        payload=fit_json(fact.raw, max_length),
        received_at=fact.received_at,
    )
    kind = fact.charger_id, reason.startswith(FAILED)
    if _kept[kind] % DELETED_TOGETHER == 0:
        _delete_oldest(fact, has_failed=kind[1])
    _kept[kind] += 1


def _delete_oldest(fact: Fact, *, has_failed: bool) -> None:
    failed: Any = UnprocessableFact.reason.startswith(FAILED)
    rows = (UnprocessableFact.charger == fact.charger_id) & (failed if has_failed else ~failed)
    newest = UnprocessableFact.select(UnprocessableFact.id).where(rows).order_by(UnprocessableFact.id.desc())
    oldest = newest.offset(MAX_FAILED_ROWS if has_failed else MAX_ROWS).limit(1).scalar()
    if oldest is not None:
        UnprocessableFact.delete().where(rows, UnprocessableFact.id <= oldest).execute()
        notices.keep(fact.charger_id, Alarm.UNPROCESSABLE, {}, fact.received_at)
