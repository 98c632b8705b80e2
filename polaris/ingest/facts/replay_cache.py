"""The cache of answers: a start or an end that is repeated with its message id gets its first answer again.

A known message id with another action or payload is another message: ids restart after a boot. An answer is stored
with its fact; a charger's answers are bounded in number and deleted at its next boot (OCPP-J 1.6 errata 3.1).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from polaris.domain.enums import Authorization
from polaris.domain.facts import Fact
from polaris.ingest.outcomes import Ended, Outcome, Started
from polaris.ingest.sanitize import fit
from polaris.models import RememberedAnswer
from polaris.pubsub import ChangeNotification

MAX_ANSWERS = 64  # for each charger: it repeats only the message that was last answered, and the table must stay small

F = TypeVar("F", bound=Fact)
O = TypeVar("O", Started, Ended)  # noqa: E741 - an outcome


def once(
    apply: Callable[[list[ChangeNotification], F, datetime], O],
) -> Callable[[list[ChangeNotification], F, datetime], O]:
    """Apply a fact, or return its first answer if its message is a repeated one."""

    @wraps(apply)
    def call(notifications: list[ChangeNotification], fact: F, now: datetime) -> O:
        if not fact.message_id:
            return apply(notifications, fact, now)
        key = _key(fact)
        answer = RememberedAnswer.get_or_none(
            *(getattr(RememberedAnswer, name) == value for name, value in key.items())
        )
        if answer is not None:
            return _outcome(answer)  # type: ignore[return-value]  # the fact's name is part of the key
        outcome = apply(notifications, fact, now)
        _remember(key, outcome)
        return outcome

    return call


def forget(charger_ids: Sequence[int]) -> None:
    """Delete the answers of chargers that have booted: their message ids may restart."""
    RememberedAnswer.delete().where(RememberedAnswer.charger.in_(charger_ids)).execute()


def _key(fact: Fact) -> dict[str, Any]:
    payload = json.dumps(dict(fact.raw), sort_keys=True, default=str)
    return {
        "charger": fact.charger_id,
        "message_id": fit(fact.message_id),
        "action": fact.name,
        "payload_hash": hashlib.sha256(payload.encode()).hexdigest(),
    }


def _outcome(answer: RememberedAnswer) -> Outcome:
    authorization = Authorization(answer.authorization) if answer.authorization else None
    if answer.number is not None and authorization is not None:
        return Started(answer.number, authorization)
    return Ended(authorization)


def _remember(key: dict[str, Any], outcome: Started | Ended) -> None:
    number = outcome.number if isinstance(outcome, Started) else None
    RememberedAnswer.create(**key, number=number, authorization=outcome.authorization or "")
    of_charger = RememberedAnswer.charger == key["charger"]
    newest_first = RememberedAnswer.select(RememberedAnswer.id).where(of_charger).order_by(RememberedAnswer.id.desc())
    first_outdated = newest_first.offset(MAX_ANSWERS).limit(1)
    RememberedAnswer.delete().where(of_charger, RememberedAnswer.id <= first_outdated).execute()
