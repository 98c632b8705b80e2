"""A verb's transaction: decide and write in it, and announce after the commit, never from where the database blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from polaris.models import blocking, database
from polaris.pubsub import ChangeNotification, Publisher

P = ParamSpec("P")
R = TypeVar("R")


class UnitOfWork:
    """What has verbs."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def _commit(
        self, work: Callable[Concatenate[list[ChangeNotification], P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Do the work in one transaction, then announce. Redis is never spoken to from where the database blocks."""
        result, notifications = _in_transaction(work, *args, **kwargs)
        self._publisher.announce(notifications)
        return result


@blocking
def _in_transaction(
    work: Callable[Concatenate[list[ChangeNotification], P], R], *args: P.args, **kwargs: P.kwargs
) -> tuple[R, list[ChangeNotification]]:
    notifications: list[ChangeNotification] = []
    with database.atomic():
        return work(notifications, *args, **kwargs), notifications
