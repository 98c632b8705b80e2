"""The memory of answers: a start or an end that is repeated under its own message id is told the same again.

A message id that comes back with another action or payload is another message: ids begin anew after a boot. What is
remembered is written with the fact, is bounded for each charger, and is forgotten at its next boot (J errata 3.1).
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

MAX_ANSWERS = 64  # for each charger; its own queue repeats its oldest message, and has nothing newer answered before

F = TypeVar("F", bound=Fact)
O = TypeVar("O", Started, Ended)  # noqa: E741 - an outcome


def once(
    apply: Callable[[list[ChangeNotification], F, datetime], O],
) -> Callable[[list[ChangeNotification], F, datetime], O]:
    """Apply a fact, unless the very message was answered before: then return that answer."""

    @wraps(apply)
    def call(notifications: list[ChangeNotification], fact: F, now: datetime) -> O:
        if not fact.message_id:
            return apply(notifications, fact, now)
        key = _key(fact)
        known = RememberedAnswer.get_or_none(*(getattr(RememberedAnswer, name) == value for name, value in key.items()))
        if known is not None:
            return _outcome(known)  # type: ignore[return-value]  # the fact's name is part of the key
        outcome = apply(notifications, fact, now)
        _remember(key, outcome)
        return outcome

    return call


def forget(charger_ids: Sequence[int]) -> None:
    """Forget what these chargers were told: they booted, and their message ids may begin anew."""
    RememberedAnswer.delete().where(RememberedAnswer.charger.in_(charger_ids)).execute()


def _key(fact: Fact) -> dict[str, Any]:
    payload = json.dumps(dict(fact.raw), sort_keys=True, default=str)
    return {
        "charger": fact.charger_id,
        "message_id": fit(fact.message_id),
        "action": type(fact).name,  # type: ignore[attr-defined]  # every fact's class has one
        "payload_hash": hashlib.sha256(payload.encode()).hexdigest(),
    }


def _outcome(known: RememberedAnswer) -> Outcome:
    authorization = Authorization(known.authorization) if known.authorization else None
    if known.number is not None and authorization is not None:
        return Started(known.number, authorization)
    return Ended(authorization)


def _remember(key: dict[str, Any], outcome: Started | Ended) -> None:
    number = outcome.number if isinstance(outcome, Started) else None
    RememberedAnswer.create(**key, number=number, authorization=outcome.authorization or "")
    mine = RememberedAnswer.charger == key["charger"]
    newest = RememberedAnswer.select(RememberedAnswer.id).where(mine).order_by(RememberedAnswer.id.desc())
    RememberedAnswer.delete().where(mine, RememberedAnswer.id <= newest.offset(MAX_ANSWERS).limit(1)).execute()
