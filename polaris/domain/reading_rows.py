"""Readings as rows of a session's timeline: how its meter has taken them, and why one is not counted."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from polaris.domain.bound import POWER_SLACK
from polaris.domain.chains import Chain
from polaris.domain.energy import COUNTED, Fit, Meter, Observation
from polaris.domain.enums import SetAside, is_counted
from polaris.domain.instants import to_microseconds
from polaris.domain.metering import Reading, is_unreadable
from polaris.domain.totals import Total

_SET_ASIDE: dict[Fit, str] = {
    Fit.NONE: "",
    Fit.TOO_MUCH: SetAside.TOO_MUCH,
    Fit.CONTRADICTED: SetAside.CONTRADICTED,
    Fit.OTHER_REGISTER: SetAside.OTHER_REGISTER,
    Fit.UNNAMED: SetAside.UNNAMED,
}


class ReadingRow(Struct, frozen=True, gc=False):
    """A reading to store, with the energy that the session had delivered by then, or why it is not counted."""

    reading: Reading
    received_at: datetime
    energy_wh: int | None = None
    set_aside: str = ""
    is_final: bool = False
    is_inferred: bool = False  # its message named no session

    @property
    def is_counted(self) -> bool:
        return is_counted(self.set_aside)


def judged_final(final: ReadingRow, total: Total) -> ReadingRow:
    """Return the final row with the session's total, or without one if its register is doubted."""
    is_doubted = final.reading.register_wh is not None and not total.uses_end
    return _judged(final, None if is_doubted else total.energy_wh, SetAside.CONTRADICTED if is_doubted else "")


def judged_other_final(row: ReadingRow) -> ReadingRow:
    """Return the final row of an end that another one of the session's takes the place of."""
    return _judged(row, None, SetAside.CONTRADICTED)


def judged_outrun(row: ReadingRow, total: Total) -> ReadingRow:
    """Return a row from after the charger's end: it counts no more, and has the session's total."""
    return _judged(row, total.energy_wh, row.set_aside)


def judged(row: ReadingRow, fit: Fit, chain: Chain | None, interval_wh: int | None, max_power_w: int) -> ReadingRow:
    """Return a row with its energy by the best chain, or why it is not counted."""
    if row.reading.register_wh is None:
        set_aside = _SET_ASIDE.get(fit, "") or _aside_of(row.reading, max_power_w)
        return _judged(row, interval_wh if fit is COUNTED else None, set_aside)
    if chain is not None:
        return _judged(
            row, None if chain.is_held else _energy_wh(chain, interval_wh), _aside_of(row.reading, max_power_w)
        )
    return _judged(row, None, _SET_ASIDE.get(fit, SetAside.CONTRADICTED))


def _energy_wh(chain: Chain, interval_wh: int | None) -> int:
    """Return the energy by a chain, or by intervals if its register stands still."""
    return chain.energy_wh if interval_wh is None or chain.has_risen else max(chain.energy_wh, interval_wh)


def _judged(row: ReadingRow, energy_wh: int | None, set_aside: str) -> ReadingRow:
    """Return the row itself if it is judged so already."""
    if row.energy_wh == energy_wh and row.set_aside == set_aside:
        return row
    return replace(row, energy_wh=energy_wh, set_aside=set_aside)


def _aside_of(reading: Reading, max_power_w: int) -> str:
    """Return why a reading whose register or interval is not set aside is, or "" if it is not."""
    if reading.power_w is not None:
        return SetAside.POWER if reading.power_w > POWER_SLACK * max_power_w else ""
    return SetAside.UNREADABLE if reading.register_wh is None and is_unreadable(reading) else ""


def row(reading: Reading, received_at: datetime, meter_: Meter, fit: Fit, is_inferred: bool) -> ReadingRow:
    """Return the row of the newest reading, which the meter has taken."""
    best, energy_wh, set_aside = meter_.best, None, ""
    if fit is not COUNTED:
        set_aside = _SET_ASIDE.get(fit, "")
    elif reading.register_wh is None:
        energy_wh = meter_.interval_wh
    elif best is not None and not best.is_held:
        energy_wh = _energy_wh(best, meter_.interval_wh if meter_.intervals else None)
    set_aside = set_aside or _aside_of(reading, meter_.max_power_w)
    return ReadingRow(reading, received_at, energy_wh, set_aside, is_inferred=is_inferred)


def observation(reading: Reading, received_at: datetime, is_inferred: bool) -> Observation:
    """Return a reading as the meter takes it."""
    return Observation(
        to_microseconds(reading.sampled_at),
        to_microseconds(received_at),
        reading.register_wh,
        reading.interval_wh,
        reading.context,
        reading.power_w,
        not is_inferred,
    )
