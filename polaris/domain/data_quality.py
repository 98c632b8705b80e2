"""Notes on the quality of a session's figures, derived from values. The page words them.

A note never changes a figure: it states what the figure is based on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

GAP = timedelta(minutes=30)  # between two readings; chargers usually send one every one to fifteen minutes
OFFLINE = timedelta(minutes=5)  # between the charger's instant and ours; a shorter delay is no sign of a queue
MIN_FACTOR, MAX_FACTOR = 500, 2000  # between Wh labelled as kWh and Wh: 1000, with room for rounding


class Note(StrEnum):
    GAP = "gap"
    REGISTER_RESET = "register_reset"
    CLOCK_CORRECTED = "clock_corrected"
    REPLAYED_OFFLINE = "replayed_offline"
    UNIT_OVERRIDE = "unit_override"  # an operator has set the unit of the charger's energy
    UNIT_DOUBTFUL = "unit_doubtful"
    INFERRED = "inferred"  # readings named no session; the one open on the connector got them
    NOT_KNOWN = "not_known"
    COUNTED_FROM_ZERO = "counted_from_zero"  # the register began with the session
    OTHER_REGISTER = "other_register"  # readings count from elsewhere than start and end, and agree with them
    READINGS_SET_ASIDE = "readings_set_aside"
    UNREADABLE = "unreadable"  # an energy had no number or no unit that is known
    NOT_METERED = "not_metered"  # power was reported, but the meter did not count it
    POWER_EXCEEDED = "power_exceeded"  # the meter rose faster than the connector is known to deliver
    FINAL_DOUBTED = "final_doubted"  # the register at the end cannot be right
    FINAL_BELOW_READINGS = "final_below_readings"
    FINAL_MISSING = "final_missing"
    START_MISSING = "start_missing"
    START_NEVER_CAME = "start_never_came"  # the session was opened by a later event (OCPP 2.x)
    END_JOINED = "end_joined"  # the end named no known session and was joined by card and time
    CLOSED_BY_OPERATOR = "closed_by_operator"
    SET_BY_OPERATOR = "set_by_operator"  # the energy; the charger's own figure is kept beside it


NONE: frozenset[Note] = frozenset()

# The notes that follow from a session's figures as a whole: they come and go as more becomes known.
OF_FIGURES = frozenset(
    {
        Note.NOT_KNOWN,
        Note.NOT_METERED,
        Note.POWER_EXCEEDED,
        Note.REGISTER_RESET,
        Note.COUNTED_FROM_ZERO,
        Note.OTHER_REGISTER,
        Note.READINGS_SET_ASIDE,
        Note.FINAL_DOUBTED,
        Note.FINAL_BELOW_READINGS,
        Note.FINAL_MISSING,
        Note.UNIT_DOUBTFUL,
        Note.START_MISSING,
    }
)
# Those that a rebuild, which has all readings, replaces: beside these, the ones that follow from which of them count.
OF_READINGS = OF_FIGURES | {Note.GAP, Note.INFERRED, Note.UNREADABLE}


def of_instant(at: datetime | None, believed: datetime, received_at: datetime) -> frozenset[Note]:
    """Return the notes on an instant as the charger sent it, given the one that was believed."""
    if at != believed:
        return frozenset({Note.CLOCK_CORRECTED})
    return frozenset({Note.REPLAYED_OFFLINE}) if received_at - believed >= OFFLINE else NONE


def of_gaps(newest_at: datetime | None, instants: Sequence[datetime]) -> frozenset[Note]:
    """Return the note on long gaps between readings in time order, the newest one before them included."""
    if len(instants) == 1 and (newest_at is None or instants[0] - newest_at < GAP):  # nearly always
        return NONE
    if newest_at is not None:
        instants = [newest_at, *instants]
    return frozenset({Note.GAP}) if any(later - earlier >= GAP for earlier, later in pairwise(instants)) else NONE


def is_thousandfold(first_wh: float, second_wh: float) -> bool:
    """Whether two figures that should agree differ as Wh and kWh do."""
    low, high = sorted((first_wh, second_wh))
    return low > 0 and MIN_FACTOR <= high / low <= MAX_FACTOR
