"""The topics of commands to many chargers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from polaris import pubsub
from polaris.domain import filters
from polaris.domain.filters import Filter, Values
from polaris.lists import bulks
from polaris.lists.bulks import BulkPage, BulkView, Fate
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change
from polaris.web.lists import ListTopic


@dataclass(frozen=True, slots=True)
class Shown(Filter):
    """The chargers of a bulk that a page shows: those with a fate, after a number."""

    NAMES: ClassVar = {"fate": "fate"}

    fate: Fate | None = None
    after: int = 0

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Shown:
        """Parse a URL's parameters."""
        read = Values(values, cls.NAMES)
        fate, after = read.choice("fate", Fate), filters.number(values.get("after", ""))
        return cls(Fate(fate) if fate else None, after or 0, wrong=read.wrong)


class BulkTopic(ListTopic):
    """How far a bulk is, and a page of its chargers. Any command's change may be one of its own."""

    template = "bulk/_bulk.html"
    root_id = "bulk"

    def __init__(self, bulk_id: int, fate: Fate | None, after: int) -> None:
        super().__init__(bulk_id, fate, after)
        self._bulk_id, self._fate, self._after = bulk_id, fate, after

    @property
    def channels(self) -> tuple[str, ...]:
        return (pubsub.RECORDS, pubsub.ALL_CHARGERS)

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE if message.kind in (pubsub.RECORDS_CHANGED, pubsub.COMMAND_CHANGED) else None

    def changes_at(self, page: BulkPage | None) -> datetime | None:
        return None if page is None else page.bulk.expires_at

    def page(self, now: datetime) -> object:
        return bulks.page(self._bulk_id, now, self._fate, self._after)


class BulksTopic(ListTopic):
    """The newest bulks, and how far each is."""

    template = "bulk/_newest.html"
    root_id = "bulk-newest"

    def changes_at(self, page: tuple[BulkView, ...]) -> datetime | None:
        return min((bulk.expires_at for bulk in page if bulk.expires_at), default=None)

    def page(self, now: datetime) -> object:
        return bulks.newest(now)
