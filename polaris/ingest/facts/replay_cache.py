"""The cache of answers: a start or an end that is repeated with its message id gets its first answer again.

A known message id with another action or payload is another message: ids restart after a boot. An answer is stored
with its fact; a charger's answers are bounded in number and deleted at its next boot (OCPP-J 1.6 errata 3.1).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import wraps
from typing import NamedTuple, TypeVar

from polaris.domain.enums import Authorization
from polaris.domain.facts import Fact
from polaris.ingest.outcomes import Ended, Outcome, Started
from polaris.ingest.sanitize import fit
from polaris.models import Bulk, RememberedAnswer, RowQuery
from polaris.pubsub import ChangeNotification

MAX_ANSWERS = 64  # for each charger: it repeats only the message that was last answered, and the table must stay small

F = TypeVar("F", bound=Fact)
O = TypeVar("O", Started, Ended)  # noqa: E741 - an outcome

_Key = tuple[int, str, str, str]  # charger, message id, action, hash of the payload


class _Answer(NamedTuple):
    charger_id: int
    message_id: str
    action: str
    payload_hash: str
    number: int | None
    authorization: str


_ANSWERS = RowQuery(
    _Answer,
    RememberedAnswer,
    "SELECT {columns} FROM remembered_answer WHERE (charger_id, message_id, action, payload_hash) IN (VALUES {marks})",
)
_INSERT = Bulk.insert(RememberedAnswer)
_DELETE_OUTDATED = Bulk(
    RememberedAnswer,
    ("charger_id",),
    sqlite=(
        "DELETE FROM remembered_answer WHERE charger_id = ?1 AND id <="  # noqa: S608 - a number of ours
        f" (SELECT id FROM remembered_answer WHERE charger_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET {MAX_ANSWERS})"
    ),
    postgresql=(
        "DELETE FROM remembered_answer"  # noqa: S608 - a number of ours
        " USING {values}, LATERAL (SELECT id FROM remembered_answer AS newer"
        f" WHERE newer.charger_id = v.charger_id ORDER BY id DESC LIMIT 1 OFFSET {MAX_ANSWERS}) AS outdated"
        " WHERE remembered_answer.charger_id = v.charger_id AND remembered_answer.id <= outdated.id"
    ),
)


def once(
    apply: Callable[[list[ChangeNotification], F, datetime], O],
) -> Callable[[list[ChangeNotification], F, datetime], O]:
    """Apply a fact, or return its first answer if its message is a repeated one."""

    @wraps(apply)
    def call(notifications: list[ChangeNotification], fact: F, now: datetime) -> O:
        if not fact.message_id:
            return apply(notifications, fact, now)
        key = _key(fact)
        answer = next(iter(_ANSWERS.rows([key])), None)
        if answer is not None:
            return _outcome(answer)  # type: ignore[return-value]  # the fact's name is part of the key
        outcome = apply(notifications, fact, now)
        _remember([(key, outcome)])
        return outcome

    return call


def stored(facts: Iterable[Fact]) -> list[_Answer]:
    """Return the answers to those of some facts whose messages are repeated ones."""
    return _ANSWERS.rows([_key(fact) for fact in facts if fact.message_id])


def remember(outcomes: Iterable[tuple[Fact, Started | Ended]]) -> None:
    """Remember the outcomes of facts that were applied without `once`."""
    _remember([(_key(fact), outcome) for fact, outcome in outcomes if fact.message_id])


def forget(charger_ids: Sequence[int]) -> None:
    """Delete the answers of chargers that have booted: their message ids may restart."""
    RememberedAnswer.delete().where(RememberedAnswer.charger.in_(charger_ids)).execute()


def _key(fact: Fact) -> _Key:
    payload = json.dumps(dict(fact.raw), sort_keys=True, default=str)
    return fact.charger_id, fit(fact.message_id), fact.name, hashlib.sha256(payload.encode()).hexdigest()


def _outcome(answer: _Answer) -> Outcome:
    authorization = Authorization(answer.authorization) if answer.authorization else None
    if answer.number is not None and authorization is not None:
        return Started(answer.number, authorization)
    return Ended(authorization)


def _remember(outcomes: Sequence[tuple[_Key, Started | Ended]]) -> None:
    answers = [
        _Answer(*key, outcome.number if isinstance(outcome, Started) else None, outcome.authorization or "")
        for key, outcome in outcomes
    ]
    _INSERT.execute(answer._asdict() for answer in answers)
    _DELETE_OUTDATED.execute({"charger_id": answer.charger_id} for answer in answers)
