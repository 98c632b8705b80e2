"""Units of work: one transaction each, with the change notifications to publish after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from polaris.models import blocking, database
from polaris.pubsub import ChangeNotification

P = ParamSpec("P")
R = TypeVar("R")


@blocking
def in_transaction(
    work: Callable[Concatenate[list[ChangeNotification], P], R], *args: P.args, **kwargs: P.kwargs
) -> tuple[R, list[ChangeNotification]]:
    """Do the work in one transaction; return its result, and the notifications that it has collected."""
    notifications: list[ChangeNotification] = []
    with database.atomic():
        return work(notifications, *args, **kwargs), notifications
