"""What is to be known about the quality of a session's figures, found from values. How it is worded is the page's.

A note never changes a figure: it says what the figure rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from polaris.domain.metering import Meter, Reading

GAP = timedelta(minutes=30)  # between two readings
OFFLINE = timedelta(minutes=5)  # from the charger's instant to ours, in a message that waited
LONG_ENOUGH = timedelta(minutes=5)  # for mean power × time to say anything of the energy
THOUSAND = (500, 2000)  # the factor of a Wh labelled kWh, with room for rounding


class Note(StrEnum):
    GAP = "gap"
    REGISTER_RESET = "register_reset"
    CLOCK_CORRECTED = "clock_corrected"
    REPLAYED_OFFLINE = "replayed_offline"
    UNIT_OVERRIDE = "unit_override"
    UNIT_DOUBTFUL = "unit_doubtful"
    INFERRED = "inferred"
    FINAL_BELOW_READINGS = "final_below_readings"
    FINAL_MISSING = "final_missing"
    START_MISSING = "start_missing"
    START_NEVER_CAME = "start_never_came"  # the session was made from a later event (OCPP 2.x)
    END_JOINED = "end_joined"  # the end named no session; it was joined by card and time
    CLOSED_BY_OPERATOR = "closed_by_operator"


NONE: frozenset[Note] = frozenset()


def of_instant(at: datetime | None, believed: datetime, received_at: datetime) -> frozenset[Note]:
    """Of a charger's instant, what was believed of it, and when it came."""
    if at != believed:
        return frozenset({Note.CLOCK_CORRECTED})
    return frozenset({Note.REPLAYED_OFFLINE}) if received_at - believed >= OFFLINE else frozenset()


def of_readings(
    newest_at: datetime | None, before: Meter, after: Meter, readings: Sequence[Reading]
) -> frozenset[Note]:
    """Of readings in time order, taken after the newest that was known, and what they made of the meter."""
    is_other = after.piece != before.piece or before.earlier is not None
    if not is_other and len(readings) == 1 and (newest_at is None or readings[0].sampled_at - newest_at < GAP):
        return NONE
    found = set()
    instants = [] if newest_at is None else [newest_at]
    instants += [reading.sampled_at for reading in readings]
    if any(later - earlier >= GAP for earlier, later in pairwise(instants)):
        found.add(Note.GAP)
    if after.piece.before_wh > 0 and after.earlier is None and is_other:
        found.add(Note.REGISTER_RESET)
    if before == Meter(before.piece) and after.piece != before.piece and after.piece.before_wh == 0:
        found.add(Note.START_MISSING)
    return frozenset(found)


def of_stop(meter: Meter, start_wh: int, stop_wh: int | None) -> frozenset[Note]:
    """Of the register reading of an end, against what was read before it."""
    if stop_wh is None:
        return frozenset({Note.FINAL_MISSING})
    if meter == Meter(meter.piece):
        return frozenset({Note.FINAL_BELOW_READINGS} if stop_wh < start_wh else ())
    register_wh = meter.piece.base_wh + meter.energy_wh - meter.piece.before_wh
    if 0 <= start_wh <= stop_wh and is_thousandfold(register_wh, stop_wh):
        return frozenset({Note.UNIT_DOUBTFUL})
    is_below = stop_wh < meter.piece.base_wh or meter.piece.energy_wh(stop_wh) < meter.energy_wh
    return frozenset({Note.FINAL_BELOW_READINGS} if is_below else ())


def is_thousandfold(one_wh: float, other_wh: float) -> bool:
    """Whether two figures that should agree differ as Wh and kWh do."""
    low, high = sorted((one_wh, other_wh))
    return low > 0 and THOUSAND[0] <= high / low <= THOUSAND[1]


def is_contradicted(energy_wh: int, mean_w: float, duration: timedelta) -> bool:
    """Whether the energy differs from mean power × time as Wh and kWh do, in a session long enough to tell."""
    return duration >= LONG_ENOUGH and is_thousandfold(energy_wh, mean_w * duration.total_seconds() / 3600)
