"""A topic that pages watch: what of it changed since it was read, who watches, and what they have been shown."""

from __future__ import annotations

from datetime import datetime
from time import monotonic

from polaris.domain.viewer import Viewer
from polaris.push.subscriber import Subscriber
from polaris.push.topic import WHOLE, State, Topic
from polaris.rendering.fragments import Fragments


class Audience:
    """The pages of a topic that see the same. Those that wait get everything that is read next, the others what is new.

    What was shown is known by the hash of each fragment: kept whole, it would be the most of a page's memory.
    """

    __slots__ = ("_shown", "pages", "viewer", "waiting", "watch")

    def __init__(self, watch: Subscription, viewer: Viewer) -> None:
        self.watch = watch
        self.viewer = viewer
        self.pages: set[Subscriber] = set()
        self.waiting: set[Subscriber] = set()
        self._shown: dict[str, int] = {}

    def news(self, fragments: Fragments, *, is_whole: bool) -> Fragments:
        """Those that differ from what was shown last; from now on they are what was shown."""
        hashes = {root_id: hash(html) for root_id, html in fragments.items()}
        news = {root_id: fragments[root_id] for root_id, new in hashes.items() if self._shown.get(root_id) != new}
        self._shown = hashes if is_whole else self._shown | hashes
        return news


class Subscription:
    """`changed` holds what the topic's hints concern; `changes_at` is when time alone will change it."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.audiences: dict[Viewer, Audience] = {}
        self.changed: set[int] = set()
        self.changes_at: datetime | None = None
        self.is_queued = False
        self.rests_until = 0.0  # on the monotonic clock
        self.whole_at = monotonic()  # when it was last read whole

    def follow(self, *, is_followed: bool) -> None:
        """Say so to a topic that keeps something for as long as it is told of hints."""
        if hasattr(self.topic, "follow"):
            self.topic.follow(is_followed=is_followed)

    def audience(self, viewer: Viewer) -> Audience:
        if viewer not in self.audiences:
            self.audiences[viewer] = Audience(self, viewer)
        return self.audiences[viewer]

    def add(self, page: Subscriber) -> None:
        """Let a page wait for everything."""
        page.audience.waiting.add(page)
        self.changed.add(WHOLE)

    def move(self, page: Subscriber, viewer: Viewer) -> None:
        """Let a page see what another viewer sees."""
        self.discard(page)
        page.audience = self.audience(viewer)
        self.add(page)

    def discard(self, page: Subscriber) -> None:
        audience = page.audience
        audience.pages.discard(page)
        audience.waiting.discard(page)
        if not audience.pages and not audience.waiting:
            del self.audiences[audience.viewer]


class RenderJob:
    """One reading and rendering of a watch: what had changed, who watched and who waited when it began."""

    def __init__(self, watch: Subscription) -> None:
        self.watch = watch
        self.changed: frozenset[int] = frozenset()
        self.audiences: list[tuple[Audience, list[Subscriber]]] = []
        self.state: State | None = None
        self.is_done = False

    def begin(self) -> None:
        self.changed, self.watch.changed = frozenset(self.watch.changed), set()
        self.audiences = [(audience, list(audience.waiting)) for audience in self.watch.audiences.values()]
        self.is_done = not self.audiences  # then there is nothing to do
