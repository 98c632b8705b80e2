"""How far a charger's clock is off, learnt from what it sends: its offset, which is taken off its instants.

Many clocks tell local time as UTC, and are put right or set back at any time. An instant alone does not tell a wrong
clock from a message that waited in the charger's queue: waiting only makes an instant seem older. One in the future, or
older than any queue, therefore proves the clock wrong; one hours old proves nothing, so a clock that is hours behind is
believed. That a clock is less far ahead than it was is believed of a message that cannot have waited.

One message alone may have one wrong instant: after others by a right clock, it takes a second to prove the clock wrong.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from polaris.domain.instants import MAX_CLOCK_AHEAD, MIN_CLOCK_AHEAD
from polaris.domain.sentences import N_, Sentence, say, say_count

RIGHT = timedelta()
# Differences of the delay, and seconds that a clock does not tell. Smaller changes of the offset would date a message
# and its repetition differently.
JITTER = timedelta(minutes=1)
# So long, a queue is not sent as slowly as it was recorded: what seems equally old all the time is live.
STEADY = timedelta(minutes=2)
MAX_DELAY = timedelta(minutes=5)  # of a message that is repeated because its answer was lost; it is no clock set back


class Clock(Struct, frozen=True):
    """A clock as one connection's messages show it.

    `offset` is how far it is ahead, negative if behind; if it `is_doubted`, the last message alone says so. Since
    `since`, messages have seemed to be ahead by `seemed`.
    """

    offset: timedelta = RIGHT
    seemed: timedelta | None = None  # None before the connection's first message that was looked at
    since: datetime | None = None
    is_doubted: bool = False


BELIEVED = Clock(RIGHT, RIGHT)  # after a message by a clock that is right, or hours behind


def heard(clock: Clock, at: datetime, received_at: datetime, *, is_queued: bool = False) -> Clock:
    """Return the clock after a message with its newest instant; `is_queued` if the charger says that it waited."""
    ahead = at - received_at
    may_be_right = clock is BELIEVED or clock.is_doubted or clock.offset <= RIGHT  # one years behind has been put right
    if may_be_right and MIN_CLOCK_AHEAD <= ahead <= MAX_CLOCK_AHEAD:  # nearly always
        return BELIEVED
    if clock.is_doubted and abs(ahead - clock.offset) > MAX_DELAY:
        clock = BELIEVED
    seemed, since = ahead, received_at
    if clock.seemed is not None and clock.since is not None and abs(ahead - clock.seemed) <= JITTER:
        seemed, since = clock.seemed, clock.since
    offset = clock.offset
    if not MIN_CLOCK_AHEAD <= ahead < -MAX_CLOCK_AHEAD:
        measured = RIGHT if abs(ahead) <= MAX_CLOCK_AHEAD else timedelta(seconds=round(ahead.total_seconds()))
        is_proven = measured > offset or measured < MIN_CLOCK_AHEAD
        if is_proven or (not is_queued and _is_live(clock, measured, received_at - since)):
            offset = measured if abs(measured - offset) > JITTER else offset
    return Clock(offset, seemed, since, is_doubted=clock is BELIEVED)


def _is_live(clock: Clock, measured: timedelta, steady: timedelta) -> bool:
    """Whether a message that makes the clock seem less far ahead has not waited in a queue."""
    if clock.seemed is None:  # a connection's first is rarely of a queue, and then rarely as old as the clock is ahead
        return measured == RIGHT
    follows_live = abs(clock.seemed - clock.offset) <= JITTER  # a queue is sent before what is live
    return steady >= STEADY or (follows_live and clock.offset - measured > MAX_DELAY)


def off_text(offset_s: int) -> Sentence:
    """Say how far a clock is off, to the minute: the offset holds the delay of a message, too."""
    minutes = round(abs(offset_s) / 60)
    hours, rest = divmod(minutes, 60)
    days = hours // 24
    far = say(_FAR[bool(hours), bool(rest)], hours=hours, rest=rest)
    if days:
        far = say_count("%(num)s day", "%(num)s days", days)
    return say(N_("%(far)s ahead") if offset_s > 0 else N_("%(far)s behind"), far=far)


_FAR = {  # by whether there are hours and minutes
    (True, True): N_("%(hours)s h %(rest)s min"),
    (True, False): N_("%(hours)s h"),
    (False, True): N_("%(rest)s min"),
    (False, False): N_("%(rest)s min"),
}
