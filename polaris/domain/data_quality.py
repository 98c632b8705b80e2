"""Notes on the quality of a session's figures, derived from values. The page words them.

A note never changes a figure: it states what the figure is based on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from polaris.domain.metering import Meter, Reading

GAP = timedelta(minutes=30)  # between two readings; chargers usually send one every one to fifteen minutes
OFFLINE = timedelta(minutes=5)  # between the charger's instant and ours; a shorter delay is no sign of a queue
MIN_DURATION = timedelta(minutes=5)  # mean power × time is too imprecise for a shorter session
MIN_FACTOR, MAX_FACTOR = 500, 2000  # between Wh labelled as kWh and Wh: 1000, with room for rounding


class Note(StrEnum):
    GAP = "gap"
    REGISTER_RESET = "register_reset"
    CLOCK_CORRECTED = "clock_corrected"
    REPLAYED_OFFLINE = "replayed_offline"
    UNIT_OVERRIDE = "unit_override"  # an operator has set the unit of the charger's energy
    UNIT_DOUBTFUL = "unit_doubtful"
    INFERRED = "inferred"  # readings named no session; the one open on the connector got them
    FINAL_BELOW_READINGS = "final_below_readings"
    FINAL_MISSING = "final_missing"
    START_MISSING = "start_missing"
    START_NEVER_CAME = "start_never_came"  # the session was opened by a later event (OCPP 2.x)
    END_JOINED = "end_joined"  # the end named no known session and was joined by card and time
    CLOSED_BY_OPERATOR = "closed_by_operator"
    SET_BY_OPERATOR = "set_by_operator"  # the energy; the charger's own figure is kept beside it


NONE: frozenset[Note] = frozenset()


def of_instant(at: datetime | None, believed: datetime, received_at: datetime) -> frozenset[Note]:
    """Return the notes on an instant as the charger sent it, given the one that was believed."""
    if at != believed:
        return frozenset({Note.CLOCK_CORRECTED})
    return frozenset({Note.REPLAYED_OFFLINE}) if received_at - believed >= OFFLINE else NONE


def of_readings(
    newest_at: datetime | None, before: Meter, after: Meter, readings: Sequence[Reading]
) -> frozenset[Note]:
    """Return the notes on readings in time order: on gaps since the newest one, and on changes of the meter's piece."""
    has_other_piece = after.piece != before.piece or before.earlier is not None
    if not has_other_piece and len(readings) == 1 and (newest_at is None or readings[0].sampled_at - newest_at < GAP):
        return NONE
    notes = set()
    instants = [] if newest_at is None else [newest_at]
    instants += [reading.sampled_at for reading in readings]
    if any(later - earlier >= GAP for earlier, later in pairwise(instants)):
        notes.add(Note.GAP)
    if after.piece.before_wh > 0 and after.earlier is None and has_other_piece:
        notes.add(Note.REGISTER_RESET)
    if before == Meter(before.piece) and after.piece != before.piece and after.piece.before_wh == 0:
        notes.add(Note.START_MISSING)
    return frozenset(notes)


def of_stop(meter: Meter, start_wh: int, stop_wh: int | None) -> frozenset[Note]:
    """Return the notes on the register reading of an end, compared with the readings before it."""
    if stop_wh is None:
        return frozenset({Note.FINAL_MISSING})
    if meter == Meter(meter.piece):
        return frozenset({Note.FINAL_BELOW_READINGS}) if stop_wh < start_wh else NONE
    register_wh = meter.piece.base_wh + meter.energy_wh - meter.piece.before_wh
    if 0 <= start_wh <= stop_wh and is_thousandfold(register_wh, stop_wh):
        return frozenset({Note.UNIT_DOUBTFUL})
    is_below = stop_wh < meter.piece.base_wh or meter.piece.energy_wh(stop_wh) < meter.energy_wh
    return frozenset({Note.FINAL_BELOW_READINGS}) if is_below else NONE


def is_thousandfold(first_wh: float, second_wh: float) -> bool:
    """Whether two figures that should agree differ as Wh and kWh do."""
    low, high = sorted((first_wh, second_wh))
    return low > 0 and MIN_FACTOR <= high / low <= MAX_FACTOR


def is_contradicted(energy_wh: int, mean_w: float, duration: timedelta) -> bool:
    """Whether the energy of a session that is not too short differs from mean power × time as Wh and kWh do."""
    return duration >= MIN_DURATION and is_thousandfold(energy_wh, mean_w * duration.total_seconds() / 3600)
